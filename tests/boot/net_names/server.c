/*
 * The name server of test_net_names.py, in dom0, over UDP and TCP:
 *
 *   stone.test     10.1.2.3, 10.1.2.4 and fd00::3, and back from 10.1.2.3 by PTR
 *   only4.test     10.1.2.5 and no IPv6 address
 *   alias.test     another name for stone.test
 *   nN.test        10.2.0.N
 *   large.test     14 addresses, 10.3.0.1 and so on: over UDP the answer is cut before the first
 *   noise.test     10.1.2.6, behind bytes at random, an answer with another id, and one with
 *                  another name
 *   broken.test    the server says that it cannot
 *   silent.test    no answer
 *   others         there are none
 *
 *   server ADDRESS
 *
 * Says "server: ready". Source: RFC 1035, section 4.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD 12u /* bytes before the question */
enum { A = 1, CNAME = 5, PTR = 12, AAAA = 28 };
enum { NO_ERROR = 0, CANNOT = 2, NO_SUCH_NAME = 3 };

struct message {
    uint8_t bytes[2048];
    size_t len, question; /* question: where it ends */
    char name[256];
    unsigned type;
};

/* The question's name with dots, and its type. */
static bool read_question(struct message *m)
{
    size_t at = HEAD, n = 0;

    while (at < m->len && m->bytes[at] != 0) {
        size_t label = m->bytes[at++];

        if (label > 63 || at + label >= m->len || n + label > 250)
            return false;
        memcpy(m->name + n, m->bytes + at, label);
        n += label;
        m->name[n++] = '.';
        at += label;
    }
    m->name[n > 0 ? n - 1 : 0] = '\0';
    m->question = at + 5;
    if (m->question > m->len)
        return false;
    m->type = (unsigned)m->bytes[at + 1] << 8 | m->bytes[at + 2];
    return true;
}

static size_t encode(uint8_t *out, const char *name)
{
    size_t used = 0;

    for (; *name != '\0'; name += *name == '.') {
        size_t len = strcspn(name, ".");

        out[used++] = (uint8_t)len;
        memcpy(out + used, name, len);
        used += len;
        name += len;
    }
    out[used++] = 0;
    return used;
}

/* owner NULL: the name of the question. */
static void add(struct message *m, const char *owner, unsigned type, const void *data, size_t len)
{
    uint8_t head[10] = { 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, 0, (uint8_t)len };

    if (owner != NULL)
        m->len += encode(m->bytes + m->len, owner);
    else
        memcpy(m->bytes + m->len, "\xc0\x0c", 2), m->len += 2;
    memcpy(m->bytes + m->len, head, sizeof(head));
    memcpy(m->bytes + m->len + sizeof(head), data, len);
    m->len += sizeof(head) + len;
    m->bytes[7]++;
}

static void add_address(struct message *m, const char *owner, const char *text)
{
    uint8_t address[16];
    bool six = strchr(text, ':') != NULL;

    inet_pton(six ? AF_INET6 : AF_INET, text, address);
    if (m->type == (six ? AAAA : A))
        add(m, owner, m->type, address, six ? 16 : 4);
}

static void add_stone(struct message *m, const char *owner)
{
    add_address(m, owner, "10.1.2.3");
    add_address(m, owner, "10.1.2.4");
    add_address(m, owner, "fd00::3");
}

static void add_row(struct message *m, const char *format, int from, int to)
{
    char text[INET_ADDRSTRLEN];

    for (int i = from; i <= to; i++) {
        snprintf(text, sizeof(text), format, i);
        add_address(m, NULL, text);
    }
}

/* The answer in the question's place. False: none. */
static bool answer(struct message *m, bool stream)
{
    uint8_t target[256];
    int number;

    m->bytes[2] = 0x85; /* an answer, by who knows */
    m->bytes[3] = 0x80;
    memset(m->bytes + 6, 0, 6);
    m->len = m->question;
    if (strcasecmp(m->name, "stone.test") == 0) {
        add_stone(m, NULL);
    } else if (strcasecmp(m->name, "alias.test") == 0) {
        add(m, NULL, CNAME, target, encode(target, "stone.test"));
        add_stone(m, "stone.test");
    } else if (strcasecmp(m->name, "only4.test") == 0) {
        add_address(m, NULL, "10.1.2.5");
    } else if (strcasecmp(m->name, "noise.test") == 0) {
        add_address(m, NULL, "10.1.2.6");
    } else if (strcasecmp(m->name, "large.test") == 0) {
        if (stream)
            add_row(m, "10.3.0.%d", 1, 14);
        else
            m->bytes[2] |= 2;
    } else if (sscanf(m->name, "n%d.test", &number) == 1) {
        add_row(m, "10.2.0.%d", number, number);
    } else if (strcmp(m->name, "3.2.1.10.in-addr.arpa") == 0 && m->type == PTR) {
        add(m, NULL, PTR, target, encode(target, "stone.test"));
    } else {
        m->bytes[3] |= strcasecmp(m->name, "broken.test") == 0 ? CANNOT : NO_SUCH_NAME;
    }
    return strcasecmp(m->name, "silent.test") != 0;
}

/* What a forger, or a faulty server, might send before. */
static void make_noise(int fd, const struct message *m, const struct sockaddr *to, socklen_t len)
{
    struct message other = *m;

    for (size_t i = 0; i < 40; i++)
        other.bytes[i] = (uint8_t)rand();
    sendto(fd, other.bytes, 40, 0, to, len);
    other = *m;
    other.bytes[1] ^= 1;
    other.bytes[other.len - 1] = 66;
    sendto(fd, other.bytes, other.len, 0, to, len);
    other = *m;
    other.bytes[HEAD + 1] = 'm';
    other.bytes[other.len - 1] = 77;
    sendto(fd, other.bytes, other.len, 0, to, len);
}

static void serve_datagram(int fd)
{
    struct message m = { .len = 0 };
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    ssize_t n = recvfrom(fd, m.bytes, 512, 0, (struct sockaddr *)&from, &len);

    m.len = n > 0 ? (size_t)n : 0;
    if (m.len <= HEAD || !read_question(&m) || !answer(&m, false))
        return;
    if (strcmp(m.name, "noise.test") == 0)
        make_noise(fd, &m, (struct sockaddr *)&from, len);
    sendto(fd, m.bytes, m.len, 0, (struct sockaddr *)&from, len);
}

static bool all(int fd, uint8_t *bytes, size_t len)
{
    return recv(fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

static void serve_stream(int listening)
{
    int fd = accept(listening, NULL, NULL);
    struct timeval bound = { .tv_sec = 30 };
    struct message m = { .len = 0 };
    uint8_t head[2];

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &bound, sizeof(bound));
    if (all(fd, head, 2))
        m.len = (size_t)head[0] << 8 | head[1];
    if (m.len > HEAD && m.len <= 512 && all(fd, m.bytes, m.len) && read_question(&m) &&
        answer(&m, true)) {
        head[0] = (uint8_t)(m.len >> 8);
        head[1] = (uint8_t)m.len;
        send(fd, head, 1, MSG_NOSIGNAL); /* in pieces, as it may come */
        send(fd, head + 1, 1, MSG_NOSIGNAL);
        send(fd, m.bytes, m.len, MSG_NOSIGNAL);
    }
    close(fd);
}

static int bound_socket(int type, const struct sockaddr_in *at)
{
    int fd = socket(AF_INET, type, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ||
        (type == SOCK_STREAM && listen(fd, 8) < 0)) {
        perror("server");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(53) };
    struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };

    if (argc != 2 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1)
        return 1;
    fds[0].fd = bound_socket(SOCK_DGRAM, &at);
    fds[1].fd = bound_socket(SOCK_STREAM, &at);
    puts("server: ready");
    fflush(stdout);
    while (poll(fds, 2, -1) > 0) {
        if (fds[0].revents != 0)
            serve_datagram(fds[0].fd);
        if (fds[1].revents != 0)
            serve_stream(fds[1].fd);
    }
    return 1;
}
