/*
 * resolv_message: messages of the domain name system (RFC 1035, section 4): questions as they go
 * out, and what an answer holds. Knows nothing of sockets; what came from outside is checked here.
 */
#ifndef LIBC_GLUE_RESOLV_MESSAGE_H
#define LIBC_GLUE_RESOLV_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/nameser.h>

#define RESOLV_NAME     256u /* bytes of a name as text, with its NUL */
#define RESOLV_CUT      2u   /* in the third byte of a message */
#define RESOLV_QUESTION (12u + 255u + 4u) /* the largest question */

/*
 * A message that asks for the records of that name. Returns its length, or -EINVAL for a name that
 * has no place in one (a label without or with more than 63 characters, more than 255 bytes) or
 * does not fit.
 */
int resolv_question(uint8_t *out, size_t size, uint16_t id, const char *name, unsigned type);

/* Whether this is an answer to that very question: its id, the name, type and class. */
bool resolv_is_answer(const uint8_t *packet, size_t len, const uint8_t *question,
                      size_t question_len);

/* Of an answer. */
static inline unsigned resolv_code(const uint8_t *packet)
{
    return packet[3] & 15u;
}

/* Letters, digits, "-", "_" and dots: programs put names into shells and logs. */
bool resolv_is_plain(const char *name);

/* There was more than fits into a datagram. */
static inline bool resolv_is_cut(const uint8_t *packet)
{
    return (packet[2] & RESOLV_CUT) != 0;
}

static inline void resolv_set_cut(uint8_t *packet)
{
    packet[2] |= RESOLV_CUT;
}

/*
 * The records that an answer has for its question, by the other names that it gives for the name
 * (CNAME). `take` gets each one's data, and returns false when it has enough; end is the end of
 * the packet, for names in data. official: room for RESOLV_NAME bytes, the last of those names,
 * unless it has odd characters or is the one asked for: then "". Returns the number of records, or
 * -EBADMSG when the packet makes no sense (some may have been taken).
 */
typedef bool resolv_take_fn(void *arg, const uint8_t *packet, const uint8_t *end,
                            const uint8_t *data, size_t len);
int resolv_records(const uint8_t *packet, size_t len, resolv_take_fn *take, void *arg,
                   char *official);

#endif
