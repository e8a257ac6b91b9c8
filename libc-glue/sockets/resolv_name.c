/* resolv_name: names in messages: rows of labels, whose ends may be elsewhere (RFC 1035, 4.1.4). */
#include <resolv.h>

#include <errno.h>
#include <string.h>

#include "process/result.h"

#define RESOLV_HOPS 128 /* pointers in one name: more is a loop */

int dn_skipname(const unsigned char *name, const unsigned char *end)
{
    const unsigned char *at = name;

    while (at < end) {
        if (*at == 0)
            return (int)(at + 1 - name);
        if ((*at & NS_CMPRSFLGS) == NS_CMPRSFLGS)
            return end - at >= 2 ? (int)(at + 2 - name) : (int)result(-EMSGSIZE);
        if (*at & NS_CMPRSFLGS)
            break;
        at += *at + 1;
    }
    return (int)result(-EMSGSIZE);
}

int dn_expand(const unsigned char *message, const unsigned char *end, const unsigned char *name,
              char *text, int size)
{
    int used = dn_skipname(name, end), at = 0, hops = 0;

    if (used < 0)
        return -1;
    while (name < end && *name != 0) {
        unsigned len = *name;

        if ((len & NS_CMPRSFLGS) == NS_CMPRSFLGS) {
            if (end - name < 2 || ++hops > RESOLV_HOPS)
                return (int)result(-EMSGSIZE);
            name = message + ((len & 0x3f) << 8 | name[1]);
            continue;
        }
        if ((len & NS_CMPRSFLGS) || (unsigned)(end - name) <= len ||
            at + (int)len + (at > 0) >= size)
            return (int)result(-EMSGSIZE);
        if (at > 0)
            text[at++] = '.';
        memcpy(text + at, name + 1, len);
        at += (int)len;
        name += len + 1;
    }
    if (name >= end || size < 1)
        return (int)result(-EMSGSIZE);
    text[at] = '\0';
    return used;
}
