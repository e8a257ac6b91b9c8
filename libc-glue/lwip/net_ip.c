#include "net_ip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Fields of ip=, in order. */
enum {
    FIELD_CLIENT, FIELD_SERVER, FIELD_GATEWAY, FIELD_NETMASK, FIELD_HOSTNAME, FIELD_DEVICE,
    FIELD_AUTOCONF, FIELD_DNS0, FIELD_DNS1, FIELD_NTP0, FIELDS,
};
#define FIELD_SIZE 96u

int net_ip_prefix(const ip4_addr_t *mask)
{
    uint32_t bits = lwip_ntohl(mask->addr);
    uint32_t inverted = ~bits;

    return (inverted & (inverted + 1)) != 0 ? -1 : __builtin_popcount(bits);
}

static void net_ip_set_mask(ip4_addr_t *mask, unsigned prefix)
{
    mask->addr = prefix == 0 ? 0 : lwip_htonl(~UINT32_C(0) << (32 - prefix));
}

/* Networks before 1993 had their mask in the first bits of the address. Linux still does this. */
static void net_ip_class_mask(const ip4_addr_t *address, ip4_addr_t *mask)
{
    uint8_t first = ip4_addr1(address);

    net_ip_set_mask(mask, first < 128 ? 8 : first < 192 ? 16 : 24);
}

/* Decimal, all of text, at most max. */
static int net_ip_number(const char *text, unsigned max, unsigned *out)
{
    unsigned value = 0;

    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return -EINVAL;
        value = value * 10 + (unsigned)(*text - '0');
        if (value > max)
            return -EINVAL;
    }
    *out = value;
    return 0;
}

/* Four decimal numbers, as Linux takes them; not lwIP's shorter and octal forms. */
static int net_ip_address4(const char *text, ip4_addr_t *out)
{
    unsigned dots = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '.')
            dots++;
        else if (*at < '0' || *at > '9' || (*at == '0' && (at == text || at[-1] == '.') &&
                                            at[1] >= '0' && at[1] <= '9'))
            return -EINVAL;
    }
    return dots == 3 && ip4addr_aton(text, out) ? 0 : -EINVAL;
}

/* "[fd00::1]"; what follows the bracket comes back in *rest. */
static int net_ip_address6(char *text, ip6_addr_t *out, char **rest)
{
    char *end = strchr(text, ']');

    if (end == NULL)
        return -EINVAL;
    *end = '\0';
    *rest = end + 1;
    if (text[1 + strspn(text + 1, "0123456789abcdefABCDEF:.")] != '\0') /* lwIP would stop there */
        return -EINVAL;
    return ip6addr_aton(text + 1, out) ? 0 : -EINVAL;
}

static int net_ip_any(char *text, ip_addr_t *out)
{
    char *rest = "";
    int error;

    if (*text == '[') {
        IP_SET_TYPE(out, IPADDR_TYPE_V6);
        error = net_ip_address6(text, ip_2_ip6(out), &rest);
    } else {
        IP_SET_TYPE(out, IPADDR_TYPE_V4);
        error = net_ip_address4(text, ip_2_ip4(out));
    }
    return error != 0 || *rest != '\0' ? -EINVAL : 0;
}

/* ADDRESS, ADDRESS/PREFIX, [ADDRESS6]/PREFIX. */
static int net_ip_client(char *text, struct net_ip_setting *out)
{
    unsigned prefix;

    if (*text == '[') {
        char *rest;

        if (net_ip_address6(text, &out->address6, &rest) != 0)
            return -EINVAL;
        if (*rest != '\0' && strcmp(rest, "/64") != 0) /* lwIP has no other prefixes */
            return -EINVAL;
        out->has_address6 = true;
        return 0;
    }
    char *slash = strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    if (net_ip_address4(text, &out->address) != 0 || ip4_addr_isany_val(out->address))
        return -EINVAL;
    net_ip_class_mask(&out->address, &out->netmask);
    if (slash != NULL) {
        if (net_ip_number(slash + 1, 32, &prefix) != 0)
            return -EINVAL;
        net_ip_set_mask(&out->netmask, prefix);
    }
    return 0;
}

static int net_ip_autoconf(const char *text, enum net_ip_source *out)
{
    static const struct {
        const char *name;
        enum net_ip_source source;
    } names[] = {
        { "dhcp", NET_IP_DHCP }, { "on", NET_IP_DHCP },   { "any", NET_IP_DHCP },
        { "both", NET_IP_DHCP }, { "off", NET_IP_OFF },   { "none", NET_IP_OFF },
        { "static", NET_IP_OFF },
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i].name) == 0) {
            *out = names[i].source;
            return 0;
        }
    }
    return -EINVAL;
}

/* Cut text at its colons, but those in brackets. Returns how many fields, 0 for too much. */
static unsigned net_ip_cut(const char *text, size_t len, char fields[FIELDS][FIELD_SIZE])
{
    unsigned n = 0;
    size_t at = 0;
    bool bracket = false;

    memset(fields, 0, FIELDS * FIELD_SIZE);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ':' && !bracket) {
            at = 0;
            if (++n == FIELDS)
                return 0;
            continue;
        }
        if (text[i] == '[' || text[i] == ']')
            bracket = text[i] == '[';
        if (at + 1 == FIELD_SIZE)
            return 0;
        fields[n][at++] = text[i];
    }
    return n + 1;
}

static int net_ip_options(const char *text, struct net_ip_setting *out, const char **why)
{
    while (*text == ',') {
        char option[FIELD_SIZE];
        size_t len = strcspn(++text, ",");

        *why = "ip=: the options after the address are wait=SECONDS and ipv6=off";
        if (len >= sizeof(option))
            return -EINVAL;
        memcpy(option, text, len);
        option[len] = '\0';
        text += len;
        if (strncmp(option, "wait=", 5) == 0) {
            if (net_ip_number(option + 5, 86400, &out->wait) != 0)
                return -EINVAL;
        } else if (strcmp(option, "ipv6=off") == 0) {
            out->no_ip6 = true;
        } else if (strcmp(option, "ipv6=on") != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

static int net_ip_fields(char fields[FIELDS][FIELD_SIZE], struct net_ip_setting *out,
                         const char **why)
{
    enum net_ip_source autoconf = NET_IP_DHCP;
    bool named = fields[FIELD_AUTOCONF][0] != '\0';

    *why = "ip=: the seventh field is dhcp, on, any, both, off, none or static";
    if (named && net_ip_autoconf(fields[FIELD_AUTOCONF], &autoconf) != 0)
        return -EINVAL;
    *why = "ip=: the first field is no address of a machine";
    if (fields[FIELD_CLIENT][0] != '\0' && net_ip_client(fields[FIELD_CLIENT], out) != 0)
        return -EINVAL;
    bool address = fields[FIELD_CLIENT][0] != '\0';
    /* With an address there is nothing to ask for. */
    out->source = address ? NET_IP_STATIC : autoconf;

    *why = "ip=: the third field is no address of a gateway";
    if (fields[FIELD_GATEWAY][0] != '\0') {
        ip_addr_t gateway;

        if (net_ip_any(fields[FIELD_GATEWAY], &gateway) != 0)
            return -EINVAL;
        if (IP_IS_V6(&gateway))
            out->gateway6 = *ip_2_ip6(&gateway);
        else
            out->gateway = *ip_2_ip4(&gateway);
    }
    *why = "ip=: the fourth field is no netmask";
    if (fields[FIELD_NETMASK][0] != '\0') {
        unsigned prefix;

        if (net_ip_number(fields[FIELD_NETMASK], 32, &prefix) == 0)
            net_ip_set_mask(&out->netmask, prefix);
        else if (net_ip_address4(fields[FIELD_NETMASK], &out->netmask) != 0 ||
                 net_ip_prefix(&out->netmask) < 0)
            return -EINVAL;
    }
    *why = "ip=: a host name or a device name is too long";
    if (strlen(fields[FIELD_HOSTNAME]) >= sizeof(out->host) ||
        strlen(fields[FIELD_DEVICE]) >= sizeof(out->device))
        return -EINVAL;
    strcpy(out->host, fields[FIELD_HOSTNAME]);
    strcpy(out->device, fields[FIELD_DEVICE]);
    *why = "ip=: the eighth or ninth field is no address of a name server";
    for (unsigned i = FIELD_DNS0; i <= FIELD_DNS1; i++) {
        if (fields[i][0] == '\0')
            continue;
        if (net_ip_any(fields[i], &out->dns[out->n_dns]) != 0)
            return -EINVAL;
        out->n_dns++;
    }
    return 0;
}

int net_ip_parse(const char *text, struct net_ip_setting *out, const char **why)
{
    char fields[FIELDS][FIELD_SIZE];
    size_t len = strcspn(text, ",");

    *out = (struct net_ip_setting){ .source = NET_IP_DHCP, .wait = NET_IP_WAIT };
    if (net_ip_options(text + len, out, why) != 0)
        return -EINVAL;
    *why = "ip=: too many fields, or a field is too long";
    unsigned n = net_ip_cut(text, len, fields);
    if (n == 0)
        return -EINVAL;
    if (n == 1 && (fields[0][0] == '\0' || net_ip_autoconf(fields[0], &out->source) == 0))
        return 0;
    return net_ip_fields(fields, out, why);
}

int net_ip_parse_vif(const char *text, struct net_ip_setting *out, const char **why)
{
    char words[3][FIELD_SIZE] = { "", "", "" };
    unsigned n = 0;

    *out = (struct net_ip_setting){ .source = NET_IP_STATIC, .vif = true, .wait = NET_IP_WAIT };
    *why = "the ip= of the vif is no address";
    for (text += strspn(text, " "); *text != '\0' && n < 3; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");

        if (len >= FIELD_SIZE)
            return -EINVAL;
        memcpy(words[n++], text, len);
        text += len;
    }
    if (n == 0 || strchr(words[0], '[') != NULL || net_ip_client(words[0], out) != 0)
        return -EINVAL;
    ip4_addr_t mask, gateway;
    if (n == 3 && net_ip_address4(words[1], &mask) == 0 && net_ip_prefix(&mask) > 0 &&
        ip4_addr1(&mask) == 255 && net_ip_address4(words[2], &gateway) == 0) {
        out->netmask = mask;
        out->gateway = gateway;
    }
    return 0;
}
