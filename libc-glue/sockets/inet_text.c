/* inet_text: IP addresses as text and back. */
#include <arpa/inet.h>

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "process/result.h"

const struct in6_addr in6addr_any = IN6ADDR_ANY_INIT;
const struct in6_addr in6addr_loopback = IN6ADDR_LOOPBACK_INIT;

/* ---- text out ---- */

static char *inet_put4(const unsigned char *bytes, char *to)
{
    for (int i = 0; i < 4; i++) {
        unsigned n = bytes[i];

        if (i > 0)
            *to++ = '.';
        if (n >= 100)
            *to++ = (char)('0' + n / 100);
        if (n >= 10)
            *to++ = (char)('0' + n / 10 % 10);
        *to++ = (char)('0' + n % 10);
    }
    *to = '\0';
    return to;
}

static char *inet_put_hex(unsigned n, char *to)
{
    for (int shift = 12; shift >= 0; shift -= 4)
        if (shift == 0 || n >> shift != 0)
            *to++ = "0123456789abcdef"[n >> shift & 15];
    return to;
}

/* The first longest row of two or more zero groups, which "::" stands for (RFC 5952, 4.2). */
static int inet_longest_zeroes(const unsigned *groups, int *length)
{
    int best = -1;

    *length = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;

        while (i + n < 8 && groups[i + n] == 0)
            n++;
        if (n > *length) {
            *length = n;
            best = i;
        }
    }
    return best;
}

static char *inet_put6(const unsigned char *bytes, char *to)
{
    unsigned groups[8];
    int zeroes, n;

    for (int i = 0; i < 8; i++)
        groups[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    zeroes = inet_longest_zeroes(groups, &n);
    for (int i = 0; i < 8; i++) {
        if (i == zeroes) {
            *to++ = ':';
            *to++ = ':';
            i += n - 1;
            continue;
        }
        if (i > 0 && i != zeroes + n)
            *to++ = ':';
        if (i == 6 && zeroes == 0 && (n == 6 || (n == 5 && groups[5] == 0xffff)))
            return inet_put4(bytes + 12, to);
        to = inet_put_hex(groups[i], to);
    }
    *to = '\0';
    return to;
}

const char *inet_ntop(int family, const void *restrict address, char *restrict text, socklen_t size)
{
    char all[INET6_ADDRSTRLEN];

    if (family == AF_INET)
        inet_put4(address, all);
    else if (family == AF_INET6)
        inet_put6(address, all);
    else
        return result_null(-EAFNOSUPPORT);
    if (strlen(all) >= size)
        return result_null(-ENOSPC);
    return strcpy(text, all);
}

char *inet_ntoa(struct in_addr address)
{
    static __thread char text[INET_ADDRSTRLEN];

    inet_put4((const unsigned char *)&address, text);
    return text;
}

char *inet_ntoa_r(struct in_addr address, char *text, int size)
{
    return (char *)(uintptr_t)inet_ntop(AF_INET, &address, text, (socklen_t)size);
}

/* ---- text in ---- */

/* Four decimal numbers, and nothing else. Returns what follows, or NULL. */
static const char *inet_get4(const char *from, unsigned char *bytes)
{
    for (int i = 0; i < 4; i++) {
        unsigned n = 0;
        int digits = 0;

        if (i > 0 && *from++ != '.')
            return NULL;
        for (; isdigit((unsigned char)*from); from++) {
            n = n * 10 + (unsigned)(*from - '0');
            if (++digits > 3 || n > 255 || (digits == 2 && n < 10))
                return NULL; /* also: no leading zeroes */
        }
        if (digits == 0)
            return NULL;
        bytes[i] = (unsigned char)n;
    }
    return from;
}

static int inet_get_group(const char **from)
{
    unsigned n = 0;
    int digits = 0;

    for (; isxdigit((unsigned char)**from); (*from)++) {
        int c = tolower((unsigned char)**from);

        n = n << 4 | (unsigned)(isdigit(c) ? c - '0' : c - 'a' + 10);
        if (++digits > 4)
            return -1;
    }
    return digits > 0 ? (int)n : -1;
}

static bool inet_get6(const char *from, unsigned char *bytes)
{
    unsigned char all[16] = { 0 };
    int at = 0, gap = -1;

    if (from[0] == ':' && from[1] == ':') {
        gap = 0;
        from += 2;
    }
    while (*from != '\0' && at < 16) {
        const char *begin = from;
        int group = inet_get_group(&from);

        if (group < 0)
            return false;
        if (*from == '.') { /* the last four bytes as IPv4 */
            if (at > 12)
                return false;
            from = inet_get4(begin, all + at);
            if (from == NULL || *from != '\0')
                return false;
            at += 4;
            break;
        }
        all[at++] = (unsigned char)(group >> 8);
        all[at++] = (unsigned char)group;
        if (*from == '\0')
            break;
        if (*from++ != ':')
            return false;
        if (*from == ':') {
            if (gap >= 0)
                return false;
            gap = at;
            from++;
        } else if (*from == '\0') {
            return false;
        }
    }
    if (*from != '\0' || (gap < 0 ? at != 16 : at > 14))
        return false;
    if (gap >= 0) {
        memmove(all + gap + 16 - at, all + gap, (size_t)(at - gap));
        memset(all + gap, 0, (size_t)(16 - at));
    }
    memcpy(bytes, all, sizeof(all));
    return true;
}

int inet_pton(int family, const char *restrict text, void *restrict address)
{
    unsigned char bytes[4];
    const char *end;

    if (family == AF_INET6)
        return inet_get6(text, address);
    if (family != AF_INET)
        return (int)result(-EAFNOSUPPORT);
    end = inet_get4(text, bytes);
    if (end == NULL || *end != '\0')
        return 0;
    memcpy(address, bytes, sizeof(bytes));
    return 1;
}

/* One to four numbers, in any base that C knows; the last one fills all bytes that are left. */
int inet_aton(const char *text, struct in_addr *address)
{
    uint32_t parts[4], value = 0;
    int n = 0;

    for (;;) {
        unsigned long part;
        char *end;

        if (!isdigit((unsigned char)*text))
            return 0;
        part = strtoul(text, &end, 0);
        if (part > UINT32_MAX)
            return 0;
        parts[n++] = (uint32_t)part;
        text = end;
        if (*text != '.')
            break;
        if (n == 4)
            return 0;
        text++;
    }
    if (*text != '\0' && !isspace((unsigned char)*text))
        return 0;
    for (int i = 0; i < n - 1; i++) {
        if (parts[i] > 255)
            return 0;
        value |= parts[i] << (24 - 8 * i);
    }
    if (n > 1 && parts[n - 1] >> (8 * (5 - n)) != 0)
        return 0;
    address->s_addr = htonl(value | parts[n - 1]);
    return 1;
}

in_addr_t inet_addr(const char *text)
{
    struct in_addr address;

    return inet_aton(text, &address) ? address.s_addr : INADDR_NONE;
}

/* ---- the classes of old ---- */

in_addr_t inet_network(const char *text)
{
    in_addr_t value = 0;
    int n = 0;

    do {
        char *end;
        unsigned long part;

        if (!isdigit((unsigned char)*text) || n == 4)
            return INADDR_NONE;
        part = strtoul(text, &end, 0);
        if (part > 255)
            return INADDR_NONE;
        value = value << 8 | (in_addr_t)part;
        n++;
        text = end;
    } while (*text == '.' && *++text != '\0');
    return *text == '\0' ? value : INADDR_NONE;
}

in_addr_t inet_netof(struct in_addr address)
{
    in_addr_t host = ntohl(address.s_addr);

    if (IN_CLASSA(host))
        return (host & IN_CLASSA_NET) >> IN_CLASSA_NSHIFT;
    if (IN_CLASSB(host))
        return (host & IN_CLASSB_NET) >> IN_CLASSB_NSHIFT;
    return (host & IN_CLASSC_NET) >> IN_CLASSC_NSHIFT;
}

in_addr_t inet_lnaof(struct in_addr address)
{
    in_addr_t host = ntohl(address.s_addr);

    if (IN_CLASSA(host))
        return host & IN_CLASSA_HOST;
    return host & (IN_CLASSB(host) ? IN_CLASSB_HOST : IN_CLASSC_HOST);
}

struct in_addr inet_makeaddr(in_addr_t net, in_addr_t host)
{
    in_addr_t value;

    if (net < 128)
        value = net << IN_CLASSA_NSHIFT | (host & IN_CLASSA_HOST);
    else if (net < 65536)
        value = net << IN_CLASSB_NSHIFT | (host & IN_CLASSB_HOST);
    else if (net < 16777216)
        value = net << IN_CLASSC_NSHIFT | (host & IN_CLASSC_HOST);
    else
        value = net | host;
    return (struct in_addr){ .s_addr = htonl(value) };
}
