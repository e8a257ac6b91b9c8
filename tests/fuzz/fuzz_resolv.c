/*
 * Answers of a hostile name server: the input says what records follow the question, and where they
 * lie about themselves; or it is the packet itself. Whatever stands there, reading it looks at
 * nothing outside of it, comes to an end, and finds no more records than there can be.
 */
#include <errno.h>
#include <resolv.h>

#include "fuzz.h"

#include "sockets/resolv_message.h"

#define RECORD_MIN 11u /* bytes: the shortest name, and what every record has */
#define PACKET_MAX 4096u

struct taken {
    const uint8_t *packet, *end;
    unsigned n, stop; /* enough after so many */
};

static bool take(void *arg, const uint8_t *packet, const uint8_t *end, const uint8_t *data,
                 size_t len)
{
    struct taken *taken = arg;
    char name[RESOLV_NAME];

    FUZZ_CHECK(packet == taken->packet && end == taken->end);
    FUZZ_CHECK(data >= packet && data <= end && len <= (size_t)(end - data));
    if (dn_expand(packet, end, data, name, sizeof(name)) >= 0) /* as of a PTR */
        FUZZ_CHECK(strlen(name) < sizeof(name));
    return ++taken->n != taken->stop;
}

static struct {
    uint8_t bytes[PACKET_MAX];
    size_t len;
} made;

static void put(unsigned byte)
{
    if (made.len < PACKET_MAX)
        made.bytes[made.len++] = (uint8_t)byte;
}

static void put16(unsigned value)
{
    put(value >> 8);
    put(value);
}

static void put_some(struct fuzz_input *input, unsigned n)
{
    while (n-- > 0)
        put(fuzz_byte(input));
}

/* Mostly of the name and the type that were asked for, and as long as it says: see `how`. */
static void put_record(struct fuzz_input *input, unsigned type)
{
    unsigned how = fuzz_byte(input), len = fuzz_byte(input) % 24;

    if (how & 1)
        put16(0xc000 | fuzz_byte(input)); /* what stands elsewhere */
    else if (how & 2)
        put_some(input, fuzz_byte(input) % 24);
    else
        put16(0xc00c);
    put16(how & 4 ? ns_t_cname : how & 8 ? fuzz_byte(input) : type);
    put16(ns_c_in);
    put16(0);
    put16(0);
    put16(how & 16 ? fuzz_u16(input) : how & 32 ? 2 : len);
    if (how & 32)
        put16(0xc000 | fuzz_byte(input));
    else
        put_some(input, len);
    made.bytes[7]++;
}

/* In memory of its very length, so that a byte behind it is seen. */
static void read_packet(const uint8_t *question, size_t asked, unsigned stop)
{
    uint8_t *packet = malloc(made.len > 0 ? made.len : 1);
    struct taken taken = { .packet = packet, .end = packet + made.len, .stop = stop };
    char official[RESOLV_NAME];
    int n;

    FUZZ_CHECK(packet != NULL);
    memcpy(packet, made.bytes, made.len);
    if (resolv_is_answer(packet, made.len, question, asked)) {
        n = resolv_records(packet, made.len, take, &taken, official);
        FUZZ_CHECK(n >= 0 ? (unsigned)n == taken.n : n == -EBADMSG);
        FUZZ_CHECK(taken.n <= made.len / RECORD_MIN);
        FUZZ_CHECK(strlen(official) < RESOLV_NAME && resolv_is_plain(official));
    }
    free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned types[] = { ns_t_a, ns_t_aaaa, ns_t_ptr, ns_t_cname };
    struct fuzz_input input = { data, data + size };
    unsigned choice = fuzz_byte(&input), type = types[choice % 4];
    int asked = resolv_question(made.bytes, sizeof(made.bytes), 0x1234, "www.example.test", type);
    uint8_t question[RESOLV_QUESTION];

    FUZZ_CHECK(asked > 0 && (size_t)asked <= sizeof(question));
    memcpy(question, made.bytes, (size_t)asked);
    made.bytes[2] |= 0x80;
    made.len = choice & 4 ? (size_t)asked : 0;
    while ((choice & 4) && fuzz_more(&input))
        put_record(&input, type);
    while (fuzz_more(&input))
        put(fuzz_byte(&input));
    if (choice & 8)
        made.bytes[6] ^= 1; /* there should be more, or fewer */
    read_packet(question, (size_t)asked, choice >> 4);
    return 0;
}
