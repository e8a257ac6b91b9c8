/*
 * resolv_ask: questions to name servers, and their answers.
 *
 * All servers are asked at once, and again while there is no answer; the first good answer counts.
 * What was too long for a datagram is asked for anew over TCP. Datagrams come from a port that
 * nobody can guess, and what is no answer to a question of ours is not looked at any further.
 */
#ifndef LIBC_GLUE_RESOLV_ASK_H
#define LIBC_GLUE_RESOLV_ASK_H

#include <stddef.h>
#include <stdint.h>

#include "resolv_conf.h"

#define RESOLV_TOGETHER 2 /* questions in one call */

struct resolv_exchange {
    const uint8_t *question;
    size_t question_len;
    uint8_t *answer; /* room for it */
    size_t size;     /* of it; at least NS_HFIXEDSZ */
    size_t len;      /* of the answer; 0: none came. What does not fit is cut, and it says so. */
};

/*
 * Have them answered; returns when they are, or when the time is over. 0, or -EAGAIN when there is
 * no server at all, or a negative errno of socket(). Waits; signals do not end it.
 */
int resolv_ask(const struct resolv_conf *conf, struct resolv_exchange *exchanges, int n);

#endif
