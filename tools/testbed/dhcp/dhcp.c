/*
 * xenolith-dhcp: the DHCP server of the testbed's dom0.
 *
 * Usage: xenolith-dhcp BRIDGE SERVER-ADDRESS DNS-FILE
 *
 * A guest's address follows from its MAC alone: 10.78.a.b with a = 1 + mac[4] % 254 and
 * b = 1 + mac[5] % 254, as network.py of the testbed computes it outside. So there are no leases to
 * keep, and two servers would say the same. DNS-FILE holds the address of a name server; without the
 * file clients are told of none.
 *
 * The clients are guests and not trusted: a message is copied, its length checked, its options walked
 * within it. Protocol: RFC 2131, RFC 2132.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_COOKIE 0x63825363u
#define DHCP_OPTIONS_MAX 312
#define DHCP_LEASE_SECONDS 43200u

enum { OP_REQUEST = 1, OP_REPLY = 2, HARDWARE_ETHERNET = 1 };
enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM };
enum {
    OPTION_PAD = 0,
    OPTION_NETMASK = 1,
    OPTION_ROUTER = 3,
    OPTION_DNS = 6,
    OPTION_REQUESTED = 50,
    OPTION_LEASE = 51,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_END = 255,
};

/* RFC 2131, section 2; addresses are in network order, as on the wire. */
struct dhcp_message {
    uint8_t op, htype, hlen, hops;
    uint32_t xid;
    uint16_t secs, flags;
    uint32_t ciaddr, yiaddr, siaddr, giaddr;
    uint8_t chaddr[16];
    uint8_t sname[64], file[128];
    uint32_t cookie;
    uint8_t options[DHCP_OPTIONS_MAX];
};
#define DHCP_HEAD offsetof(struct dhcp_message, options)
_Static_assert(DHCP_HEAD == 240, "RFC 2131: the options begin after 236 bytes and the cookie");

/* What a client asks, taken out of its options. */
struct dhcp_question {
    uint8_t type;
    uint32_t requested; /* 0: it names no address */
    uint32_t server;    /* 0: it speaks to any */
};

static struct {
    int socket;
    struct in_addr address;
    const char *dns_file;
} server;

static void dhcp_fail(const char *what)
{
    fprintf(stderr, "xenolith-dhcp: %s: %s\n", what, strerror(errno));
    exit(1);
}

static bool dhcp_parse(const struct dhcp_message *message, size_t len,
                       struct dhcp_question *question)
{
    size_t options_len, at = 0;

    if (len < DHCP_HEAD || message->op != OP_REQUEST || message->htype != HARDWARE_ETHERNET ||
        message->hlen != 6 || message->cookie != htonl(DHCP_COOKIE))
        return false;
    options_len = len - DHCP_HEAD;
    *question = (struct dhcp_question){ 0 };
    while (at < options_len && message->options[at] != OPTION_END) {
        uint8_t code = message->options[at++];
        if (code == OPTION_PAD)
            continue;
        if (at == options_len || message->options[at] > options_len - at - 1)
            return false;
        uint8_t size = message->options[at++];
        const uint8_t *value = &message->options[at];
        if (code == OPTION_TYPE && size == 1)
            question->type = value[0];
        else if (code == OPTION_REQUESTED && size == 4)
            memcpy(&question->requested, value, 4);
        else if (code == OPTION_SERVER && size == 4)
            memcpy(&question->server, value, 4);
        at += size;
    }
    return true;
}

static uint32_t dhcp_address_of(const uint8_t *mac)
{
    return htonl(10u << 24 | 78u << 16 | (1u + mac[4] % 254u) << 8 | (1u + mac[5] % 254u));
}

static uint8_t *dhcp_option(uint8_t *at, uint8_t code, const void *value, uint8_t size)
{
    *at++ = code;
    *at++ = size;
    memcpy(at, value, size);
    return at + size;
}

/* The network's own facts; an address only where the client asks for one. */
static uint8_t *dhcp_facts(uint8_t *at, bool with_lease)
{
    uint32_t netmask = htonl(0xffff0000u), lease = htonl(DHCP_LEASE_SECONDS);
    char text[INET_ADDRSTRLEN + 1] = "";
    struct in_addr dns;
    FILE *file;

    if (with_lease)
        at = dhcp_option(at, OPTION_LEASE, &lease, 4);
    at = dhcp_option(at, OPTION_NETMASK, &netmask, 4);
    at = dhcp_option(at, OPTION_ROUTER, &server.address, 4);
    file = fopen(server.dns_file, "r");
    if (file != NULL) {
        if (fscanf(file, "%15s", text) == 1 && inet_pton(AF_INET, text, &dns) == 1)
            at = dhcp_option(at, OPTION_DNS, &dns, 4);
        fclose(file);
    }
    return at;
}

/* The answer's type, or 0 for silence. */
static uint8_t dhcp_decide(const struct dhcp_message *message, const struct dhcp_question *question,
                           uint32_t address)
{
    uint32_t wanted = question->requested != 0 ? question->requested : message->ciaddr;

    if (question->server != 0 && question->server != server.address.s_addr)
        return 0; /* it has chosen another */
    switch (question->type) {
    case DISCOVER:
        return OFFER;
    case REQUEST:
        return wanted == address ? ACK : NAK;
    case INFORM:
        return ACK;
    default:
        return 0;
    }
}

static void dhcp_answer(const struct dhcp_message *message, const struct dhcp_question *question)
{
    uint32_t address = dhcp_address_of(message->chaddr);
    uint8_t type = dhcp_decide(message, question, address);
    struct dhcp_message reply = { .op = OP_REPLY,
                                  .htype = message->htype,
                                  .hlen = message->hlen,
                                  .xid = message->xid,
                                  .flags = message->flags,
                                  .giaddr = message->giaddr,
                                  .cookie = htonl(DHCP_COOKIE) };
    /* A client that has an address yet can be reached by it; the others listen for broadcasts. */
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(DHCP_CLIENT_PORT),
                              .sin_addr.s_addr = INADDR_BROADCAST };
    uint8_t *at = reply.options;

    if (type == 0)
        return;
    if (type == ACK && message->ciaddr != 0)
        to.sin_addr.s_addr = message->ciaddr;
    memcpy(reply.chaddr, message->chaddr, sizeof(reply.chaddr));
    at = dhcp_option(at, OPTION_TYPE, &type, 1);
    at = dhcp_option(at, OPTION_SERVER, &server.address, 4);
    if (type != NAK) {
        bool inform = question->type == INFORM;

        reply.siaddr = server.address.s_addr;
        reply.ciaddr = type == ACK ? message->ciaddr : 0;
        reply.yiaddr = inform ? 0 : address;
        at = dhcp_facts(at, !inform);
    }
    *at++ = OPTION_END;
    /* Relays and old clients expect a BOOTP message's least size of 300 bytes. */
    size_t len = (size_t)(at - (uint8_t *)&reply);
    sendto(server.socket, &reply, len < 300 ? 300 : len, 0, (struct sockaddr *)&to, sizeof(to));
}

static void dhcp_open(const char *bridge, const char *address)
{
    struct sockaddr_in any = { .sin_family = AF_INET,
                               .sin_port = htons(DHCP_SERVER_PORT),
                               .sin_addr.s_addr = INADDR_ANY };
    int on = 1;

    errno = EINVAL;
    if (inet_pton(AF_INET, address, &server.address) != 1)
        dhcp_fail(address);
    server.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (server.socket < 0 ||
        setsockopt(server.socket, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0 ||
        setsockopt(server.socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
        dhcp_fail("socket");
    if (setsockopt(server.socket, SOL_SOCKET, SO_BINDTODEVICE, bridge, (socklen_t)strlen(bridge)) <
        0)
        dhcp_fail(bridge);
    if (bind(server.socket, (struct sockaddr *)&any, sizeof(any)) < 0)
        dhcp_fail("port 67");
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: xenolith-dhcp BRIDGE SERVER-ADDRESS DNS-FILE\n");
        return 2;
    }
    server.dns_file = argv[3];
    dhcp_open(argv[1], argv[2]);
    for (;;) {
        struct dhcp_message message;
        struct dhcp_question question;
        ssize_t len = recv(server.socket, &message, sizeof(message), 0);

        if (len < 0 && errno != EINTR && errno != ENETDOWN)
            dhcp_fail("receiving");
        if (len > 0 && dhcp_parse(&message, (size_t)len, &question))
            dhcp_answer(&message, &question);
    }
}
