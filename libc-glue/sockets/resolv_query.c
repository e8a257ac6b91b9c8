/* resolv_query: records of any type, as they come in messages: res_query() and its family. */
#include <resolv.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolv_ask.h"
#include "process/result.h"

#define RESOLV_NO_ANSWER (-1)

int res_mkquery(int op, const char *name, int class, int type, const unsigned char *data, int len,
                const unsigned char *record, unsigned char *out, int size)
{
    (void)data, (void)len, (void)record;
    if (op != ns_o_query || class != ns_c_in || type < 0 || type > UINT16_MAX || size < 0)
        return RESOLV_NO_ANSWER;
    len = resolv_question(out, (size_t)size, (uint16_t)arc4random(), name, (unsigned)type);
    return len < 0 ? RESOLV_NO_ANSWER : len;
}

static int resolv_exchange_one(const struct resolv_conf *conf, const unsigned char *message,
                               int len, unsigned char *answer, int size)
{
    struct resolv_exchange exchange = { .question = message,
                                        .question_len = (size_t)len,
                                        .answer = answer,
                                        .size = (size_t)size };
    int error = resolv_ask(conf, &exchange, 1);

    if (error < 0)
        return error;
    return exchange.len > 0 ? (int)exchange.len : -ETIMEDOUT;
}

int res_send(const unsigned char *message, int len, unsigned char *answer, int size)
{
    struct resolv_conf *conf;
    int n;

    if (len < NS_HFIXEDSZ || size < NS_HFIXEDSZ)
        return (int)result(-EINVAL);
    conf = malloc(sizeof(*conf));
    if (conf == NULL)
        return (int)result(-ENOMEM);
    resolv_conf_read(conf);
    n = resolv_exchange_one(conf, message, len, answer, size);
    free(conf);
    return (int)result(n);
}

/* What the answer means, for h_errno. */
static int resolv_h_error(const unsigned char *answer, int len)
{
    if (len < NS_HFIXEDSZ)
        return TRY_AGAIN;
    switch (resolv_code(answer)) {
    case ns_r_noerror:
        return answer[6] == 0 && answer[7] == 0 ? NO_DATA : NETDB_SUCCESS;
    case ns_r_nxdomain:
        return HOST_NOT_FOUND;
    case ns_r_servfail:
        return TRY_AGAIN;
    default:
        return NO_RECOVERY;
    }
}

static int resolv_query(const struct resolv_conf *conf, const char *name, int class, int type,
                        unsigned char *answer, int size)
{
    unsigned char question[RESOLV_QUESTION];
    int len = res_mkquery(ns_o_query, name, class, type, NULL, 0, NULL, question, sizeof(question));

    if (len < 0 || size < NS_HFIXEDSZ) {
        h_errno = NO_RECOVERY;
        return RESOLV_NO_ANSWER;
    }
    len = resolv_exchange_one(conf, question, len, answer, size);
    h_errno = resolv_h_error(answer, len);
    return h_errno == NETDB_SUCCESS ? len : RESOLV_NO_ANSWER;
}

int res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
    struct resolv_conf *conf = malloc(sizeof(*conf));
    int n = RESOLV_NO_ANSWER;

    h_errno = NETDB_INTERNAL;
    if (conf != NULL) {
        resolv_conf_read(conf);
        n = resolv_query(conf, name, class, type, answer, size);
    }
    free(conf);
    return n;
}

int res_querydomain(const char *name, const char *domain, int class, int type,
                    unsigned char *answer, int size)
{
    char full[2 * RESOLV_NAME];

    snprintf(full, sizeof(full), domain != NULL && domain[0] != '\0' ? "%s.%s" : "%s", name,
             domain);
    return res_query(full, class, type, answer, size);
}

static bool resolv_goes_on(void)
{
    return h_errno == HOST_NOT_FOUND || h_errno == NO_DATA;
}

int res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
    struct resolv_conf *conf = malloc(sizeof(*conf));
    unsigned dots = 0;
    bool complete = name[0] != '\0' && name[strlen(name) - 1] == '.', first;
    int n = RESOLV_NO_ANSWER;

    h_errno = NETDB_INTERNAL;
    if (conf == NULL)
        return n;
    resolv_conf_read(conf);
    for (const char *at = name; *at != '\0'; at++)
        dots += *at == '.';
    first = complete || dots >= conf->dots;
    h_errno = HOST_NOT_FOUND;
    if (first)
        n = resolv_query(conf, name, class, type, answer, size);
    for (int i = 0; !complete && i < MAXDNSRCH && conf->search[i][0] != '\0'; i++) {
        char full[2 * RESOLV_NAME];

        if (n >= 0 || !resolv_goes_on())
            break;
        snprintf(full, sizeof(full), "%s.%s", name, conf->search[i]);
        n = resolv_query(conf, full, class, type, answer, size);
    }
    if (n < 0 && !first && resolv_goes_on())
        n = resolv_query(conf, name, class, type, answer, size);
    free(conf);
    return n;
}

/* Without looking for an earlier name to point to: a longer message, not a wrong one. */
int dn_comp(const char *name, unsigned char *out, int size, unsigned char **first,
            unsigned char **last)
{
    unsigned char question[RESOLV_QUESTION];
    int len = resolv_question(question, sizeof(question), 0, name, ns_t_a);

    (void)first, (void)last;
    len -= NS_HFIXEDSZ + 4;
    if (len < 0 || len > size)
        return RESOLV_NO_ANSWER;
    memcpy(out, question + NS_HFIXEDSZ, (size_t)len);
    return len;
}
