/*
 * The guest of test_net_links.py: a store of one lot of bytes. Commands on a TCP connection to port
 * 7000, over IPv4 or IPv6, several at a time:
 *
 *     put N\n and N bytes      answered by "stored N\n" when all are here
 *     get\n                    answered by "bytes N\n" and the bytes, and then the end
 *     end\n                    the program returns from main
 *
 * A connection that fails is told with its error; the others go on. UDP datagrams to port 7001 are
 * sent back as they are.
 */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
    pthread_mutex_t lock;
    char *bytes;
    size_t n;
} store = { PTHREAD_MUTEX_INITIALIZER, NULL, 0 };

static int store_listen(int type, unsigned short port)
{
    struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    int fd = socket(AF_INET6, type, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0 ||
        (type == SOCK_STREAM && listen(fd, 16) != 0)) {
        perror("store: listen");
        exit(1);
    }
    return fd;
}

static int store_put(FILE *in, FILE *out, size_t n)
{
    char *bytes = malloc(n > 0 ? n : 1);

    if (bytes == NULL)
        return -1;
    if (fread(bytes, 1, n, in) != n) {
        free(bytes);
        return -1;
    }
    pthread_mutex_lock(&store.lock);
    free(store.bytes);
    store.bytes = bytes;
    store.n = n;
    pthread_mutex_unlock(&store.lock);
    return fprintf(out, "stored %zu\n", n) < 0 || fflush(out) != 0 ? -1 : 0;
}

static int store_get(FILE *out)
{
    pthread_mutex_lock(&store.lock);
    int bad = fprintf(out, "bytes %zu\n", store.n) < 0 ||
              fwrite(store.bytes, 1, store.n, out) != store.n || fflush(out) != 0;
    pthread_mutex_unlock(&store.lock);
    return bad ? -1 : 0;
}

/* Each command returns 0, 1 when the connection is to end, or -1 when it has failed. */
static void *store_serve(void *arg)
{
    int fd = (int)(long)arg;
    FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
    char line[64];
    int bad = in == NULL || out == NULL ? -1 : 0;

    if (bad == 0) {
        setvbuf(in, NULL, _IOFBF, 64 << 10);
        setvbuf(out, NULL, _IOFBF, 64 << 10);
    }
    errno = 0;
    while (bad == 0 && fgets(line, sizeof(line), in) != NULL) {
        size_t n;

        if (sscanf(line, "put %zu", &n) == 1)
            bad = store_put(in, out, n);
        else if (strcmp(line, "get\n") == 0)
            bad = store_get(out) != 0 ? -1 : 1;
        else if (strcmp(line, "end\n") == 0)
            exit(0);
        else
            bad = fprintf(out, "what?\n") < 0 || fflush(out) != 0;
    }
    if (bad < 0 || errno != 0)
        printf("store: connection lost: %s\n", errno != 0 ? strerror(errno) : "ended early");
    else
        printf("store: connection closed\n");
    fflush(stdout);
    if (in != NULL)
        fclose(in);
    if (out != NULL)
        fclose(out);
    return NULL;
}

static void *store_echo(void *arg)
{
    static char datagram[65536];
    int fd = store_listen(SOCK_DGRAM, 7001);

    (void)arg;
    for (;;) {
        struct sockaddr_in6 from;
        socklen_t len = sizeof(from);
        ssize_t n = recvfrom(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &len);

        if (n >= 0 && sendto(fd, datagram, (size_t)n, 0, (struct sockaddr *)&from, len) != n)
            printf("store: echo of %zd: %s\n", n, strerror(errno));
    }
}

int main(void)
{
    int fd = store_listen(SOCK_STREAM, 7000);
    pthread_t thread;

    signal(SIGPIPE, SIG_IGN);
    if (pthread_create(&thread, NULL, store_echo, NULL) != 0)
        return 1;
    printf("store: ready\n");
    fflush(stdout);
    for (;;) {
        int client = accept(fd, NULL, NULL);

        if (client < 0) {
            printf("store: accept: %s\n", strerror(errno));
            fflush(stdout);
            sleep(1);
        } else if (pthread_create(&thread, NULL, store_serve, (void *)(long)client) != 0) {
            close(client);
        } else {
            pthread_detach(thread);
        }
    }
}
