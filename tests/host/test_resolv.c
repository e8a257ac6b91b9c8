/*
 * Messages of the domain name system: the questions that go out, and every way in which what comes
 * back may not be an answer.
 */
#include "glue_test.h"

#include <arpa/inet.h>
#include <resolv.h>

#include "sockets/resolv_message.h"

static uint8_t question[RESOLV_QUESTION];
static size_t question_len;

static void ask(const char *name, unsigned type)
{
    int len = resolv_question(question, sizeof(question), 0x1234, name, type);

    CHECK(len > 0);
    question_len = (size_t)len;
}

/* An answer in the making. */
static struct {
    uint8_t bytes[4096];
    size_t len;
} packet;

static void put(const void *bytes, size_t len)
{
    memcpy(packet.bytes + packet.len, bytes, len);
    packet.len += len;
}

static void answer_begin(void)
{
    packet.len = 0;
    put(question, question_len);
    packet.bytes[2] = 0x81;
    packet.bytes[3] = 0x80;
}

static void put_name(const char *name)
{
    uint8_t other[RESOLV_QUESTION];
    int len = resolv_question(other, sizeof(other), 0, name, 0);

    CHECK(len > 16);
    put(other + 12, (size_t)len - 16);
}

static void record(const char *name, unsigned type, const void *data, size_t len)
{
    uint8_t head[10] = { 0, (uint8_t)type, 0, 1, 0, 0, 0, 60, (uint8_t)(len >> 8), (uint8_t)len };

    put_name(name);
    put(head, sizeof(head));
    put(data, len);
    packet.bytes[7]++;
}

static void alias(const char *name, const char *target)
{
    size_t at;

    record(name, ns_t_cname, "", 0);
    at = packet.len;
    put_name(target);
    packet.bytes[at - 1] = (uint8_t)(packet.len - at);
}

struct taken {
    unsigned n;
    uint32_t first;
};

static bool take(void *arg, const uint8_t *from, const uint8_t *end, const uint8_t *data, size_t len)
{
    struct taken *taken = arg;

    CHECK(data >= from && data <= end && len <= (size_t)(end - data));
    if (taken->n++ == 0 && len == 4)
        taken->first = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 |
                       data[3];
    return true;
}

/* In memory of its very length, so that a byte behind it is seen. */
static int read_packet(struct taken *taken, char *official)
{
    uint8_t *copy = malloc(packet.len);
    int n = -EBADMSG;

    memcpy(copy, packet.bytes, packet.len);
    *taken = (struct taken){ 0 };
    if (resolv_is_answer(copy, packet.len, question, question_len))
        n = resolv_records(copy, packet.len, take, taken, official);
    free(copy);
    return n;
}

TEST(a_question_is_a_message)
{
    static const uint8_t known[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                                     5, 's', 't', 'o', 'n', 'e', 1, 't', 0, 0, 28, 0, 1 };
    char name[300];

    ask("stone.t", ns_t_aaaa);
    CHECK_EQ(question_len, sizeof(known));
    CHECK_EQ(memcmp(question, known, sizeof(known)), 0);
    ask("stone.t.", ns_t_aaaa);
    CHECK_EQ(question_len, sizeof(known));
    ask(".", ns_t_ns);
    CHECK_EQ(question_len, 12 + 1 + 4);
    CHECK_EQ(resolv_question(question, sizeof(question), 0, "a..b", 1), -EINVAL);
    CHECK_EQ(resolv_question(question, sizeof(question), 0, ".a", 1), -EINVAL);
    memset(name, 'a', sizeof(name));
    name[64] = '\0';
    CHECK_EQ(resolv_question(question, sizeof(question), 0, name, 1), -EINVAL);
    name[63] = '\0';
    ask(name, 1);
    memset(name, 'a', sizeof(name));
    for (size_t i = 1; i < 253; i += 2)
        name[i] = '.';
    name[253] = '\0';
    ask(name, 1); /* 127 labels of one letter: 255 bytes */
    CHECK_EQ(question_len, RESOLV_QUESTION);
    for (size_t size = 0; size < RESOLV_QUESTION; size++)
        CHECK_EQ(resolv_question(packet.bytes, size, 0, name, 1), -EINVAL);
    name[253] = '.';
    name[254] = 'a';
    name[255] = '\0';
    CHECK_EQ(resolv_question(question, sizeof(question), 0, name, 1), -EINVAL);
}

TEST(addresses_come_by_way_of_other_names)
{
    struct taken taken;
    char official[RESOLV_NAME];

    ask("www.test", ns_t_a);
    answer_begin();
    record("www.test", ns_t_a, "\12\1\2\3", 4);
    record("www.test", ns_t_a, "\12\1\2\4", 4);
    record("www.test", ns_t_txt, "\1x", 2);
    record("else.test", ns_t_a, "\1\1\1\1", 4); /* nobody asked */
    CHECK_EQ(read_packet(&taken, official), 2);
    CHECK_EQ(taken.first, 0x0a010203);
    CHECK_STR(official, "");
    answer_begin(); /* in any order, and in any case */
    record("b.test", ns_t_a, "\12\1\2\3", 4);
    alias("A.test", "B.TEST");
    alias("WWW.test", "a.TEST");
    CHECK_EQ(read_packet(&taken, official), 1);
    CHECK_STR(official, "B.TEST");
    answer_begin();
    alias("www.test", "odd;name.test");
    record("odd;name.test", ns_t_a, "\12\1\2\3", 4);
    CHECK_EQ(read_packet(&taken, official), 1);
    CHECK_STR(official, "");
    answer_begin(); /* in circles */
    alias("www.test", "a.test");
    alias("a.test", "www.test");
    CHECK_EQ(read_packet(&taken, official), -EBADMSG);
    answer_begin();
    CHECK_EQ(read_packet(&taken, official), 0);
    ask("www.test", ns_t_cname);
    answer_begin();
    alias("www.test", "a.test");
    CHECK_EQ(read_packet(&taken, official), 1);
}

TEST(what_is_no_answer_to_the_question_is_told_apart)
{
    struct taken taken;
    char official[RESOLV_NAME];
    /* Where, and what is wrong there: id, response, opcode, number of questions, name, type, class. */
    static const size_t wrong[] = { 0, 1, 2, 5, 12, 13, 16, 21, 23, 25 };

    ask("www.test", ns_t_a);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        answer_begin();
        record("www.test", ns_t_a, "\12\1\2\3", 4);
        packet.bytes[wrong[i]] ^= wrong[i] == 2 ? 0x80 : 3;
        CHECK_EQ(read_packet(&taken, official), -EBADMSG);
        CHECK_EQ(taken.n, 0);
    }
    answer_begin();
    packet.bytes[2] |= 0x28; /* a notification */
    CHECK_EQ(read_packet(&taken, official), -EBADMSG);
    answer_begin();
    record("www.test", ns_t_a, "\12\1\2\3", 4);
    for (size_t len = packet.len; len-- > 0;) { /* cut anywhere */
        packet.len = len;
        CHECK_EQ(read_packet(&taken, official), -EBADMSG);
    }
}

/* Whatever a server may send: no byte outside of it is looked at, and every look ends. */
TEST(bytes_at_random)
{
    uint32_t state = 7;
    struct taken taken;
    char official[RESOLV_NAME];

    ask("www.test", ns_t_a);
    for (unsigned round = 0; round < 200000; round++) {
        answer_begin();
        alias("www.test", "a.test");
        alias("a.test", "b.test");
        record("b.test", ns_t_a, "\12\1\2\3", 4);
        for (unsigned i = 0; i <= round % 5; i++) {
            state = state * 1664525u + 1013904223u;
            size_t at = question_len + (state >> 8) % (packet.len - question_len);
            state = state * 1664525u + 1013904223u;
            packet.bytes[at] = (uint8_t)(round % 3 == 0 ? 0xc0 : state >> 16);
            if (round % 7 == 0)
                packet.bytes[7] = (uint8_t)(state >> 24);
        }
        read_packet(&taken, official);
        CHECK(strlen(official) < RESOLV_NAME);
    }
}
