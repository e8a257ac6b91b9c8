#include "resolv_message.h"

#include <ctype.h>
#include <errno.h>
#include <resolv.h>
#include <string.h>
#include <strings.h>

#define RESOLV_HEAD     12u
#define RESOLV_LABEL    63u
#define RESOLV_ENCODED  255u
#define RESOLV_ALIASES  16u /* CNAMEs that lead from one to the next: more is a loop */
#define RESOLV_RECURSE  0x01 /* in the third byte: the server is to do the work */
#define RESOLV_RESPONSE 0x80 /* in the same */
#define RESOLV_OPCODE   0x78

static unsigned resolv_get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void resolv_put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* Labels and their end. Returns the bytes, or -EINVAL. */
static int resolv_put_name(uint8_t *out, size_t size, const char *name)
{
    size_t used = 0;

    if (strcmp(name, ".") == 0)
        name = "";
    while (*name != '\0') {
        size_t len = strcspn(name, ".");

        if (len == 0 || len > RESOLV_LABEL || used + len + 2 > size ||
            used + len + 2 > RESOLV_ENCODED)
            return -EINVAL;
        out[used] = (uint8_t)len;
        memcpy(out + used + 1, name, len);
        used += len + 1;
        name += len;
        if (*name == '.')
            name++;
    }
    if (used == size)
        return -EINVAL;
    out[used] = 0;
    return (int)used + 1;
}

int resolv_question(uint8_t *out, size_t size, uint16_t id, const char *name, unsigned type)
{
    int len;

    if (size < RESOLV_HEAD + 4)
        return -EINVAL;
    memset(out, 0, RESOLV_HEAD);
    resolv_put16(out, id);
    out[2] = RESOLV_RECURSE;
    out[5] = 1; /* one question */
    len = resolv_put_name(out + RESOLV_HEAD, size - RESOLV_HEAD - 4, name);
    if (len < 0)
        return len;
    resolv_put16(out + RESOLV_HEAD + len, type);
    resolv_put16(out + RESOLV_HEAD + len + 2, ns_c_in);
    return (int)RESOLV_HEAD + len + 4;
}

bool resolv_is_answer(const uint8_t *packet, size_t len, const uint8_t *question,
                      size_t question_len)
{
    const uint8_t *end = question + question_len;
    int name;

    if (len < RESOLV_HEAD || question_len < RESOLV_HEAD || memcmp(packet, question, 2) != 0 ||
        !(packet[2] & RESOLV_RESPONSE) || (packet[2] & RESOLV_OPCODE) != 0 ||
        resolv_get16(packet + 4) != 1)
        return false;
    name = dn_skipname(question + RESOLV_HEAD, end);
    if (name < 0 || end - question < (ptrdiff_t)RESOLV_HEAD + name + 4)
        return false;
    question_len = RESOLV_HEAD + (size_t)name + 4; /* what follows is not repeated */
    if (len < question_len)
        return false;
    /* Lengths of labels are no letters: they pass through tolower() as they are. */
    for (size_t i = RESOLV_HEAD; i < question_len; i++) {
        if (tolower(packet[i]) != tolower(question[i]))
            return false;
    }
    return true;
}

/* ---- records ---- */

struct resolv_record {
    char name[RESOLV_NAME];
    unsigned type, class;
    const uint8_t *data;
    size_t len;
};

/* The record at *at, and *at behind it. */
static int resolv_next(const uint8_t *packet, const uint8_t *end, const uint8_t **at,
                       struct resolv_record *out)
{
    int used = dn_expand(packet, end, *at, out->name, sizeof(out->name));

    if (used < 0 || end - *at - used < 10)
        return -EBADMSG;
    *at += used;
    out->type = resolv_get16(*at);
    out->class = resolv_get16(*at + 2);
    out->len = resolv_get16(*at + 8);
    *at += 10;
    if ((size_t)(end - *at) < out->len)
        return -EBADMSG;
    out->data = *at;
    *at += out->len;
    return 0;
}

/* From name to the name that it stands for. Returns 1 when there was one, 0 or -EBADMSG. */
static int resolv_alias(const uint8_t *packet, const uint8_t *end, const uint8_t *at,
                        char name[RESOLV_NAME])
{
    struct resolv_record record;

    for (unsigned left = resolv_get16(packet + 6); left > 0; left--) {
        if (resolv_next(packet, end, &at, &record) < 0)
            return -EBADMSG;
        if (record.type != ns_t_cname || record.class != ns_c_in ||
            strcasecmp(record.name, name) != 0)
            continue;
        if (dn_expand(packet, end, record.data, name, RESOLV_NAME) < 0)
            return -EBADMSG;
        return 1;
    }
    return 0;
}

bool resolv_is_plain(const char *name)
{
    for (; *name != '\0'; name++) {
        if (!isalnum((unsigned char)*name) && strchr("-._", *name) == NULL)
            return false;
    }
    return true;
}

int resolv_records(const uint8_t *packet, size_t len, resolv_take_fn *take, void *arg,
                   char *official)
{
    const uint8_t *end = packet + len, *at = packet + RESOLV_HEAD;
    char name[RESOLV_NAME];
    struct resolv_record record;
    int used, n = 0, alias = 0;
    unsigned type;

    official[0] = '\0';
    if (len < RESOLV_HEAD || resolv_get16(packet + 4) != 1)
        return -EBADMSG;
    used = dn_expand(packet, end, at, name, sizeof(name));
    if (used < 0 || end - at - used < 4)
        return -EBADMSG;
    type = resolv_get16(at + used);
    at += used + 4;
    for (unsigned i = 0; type != ns_t_cname && i <= RESOLV_ALIASES; i++) {
        alias = resolv_alias(packet, end, at, name);
        if (alias <= 0)
            break;
        if (resolv_is_plain(name))
            strcpy(official, name);
    }
    if (alias != 0)
        return -EBADMSG;
    for (unsigned left = resolv_get16(packet + 6); left > 0; left--) {
        if (resolv_next(packet, end, &at, &record) < 0)
            return -EBADMSG;
        if (record.type != type || record.class != ns_c_in || strcasecmp(record.name, name) != 0)
            continue;
        n++;
        if (!take(arg, packet, end, record.data, record.len))
            break;
    }
    return n;
}
