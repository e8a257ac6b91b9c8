/* resolv: the name servers in use, for programs that ask them by themselves. */
#include <resolv.h>

#include <string.h>

#include "resolv_conf.h"

static __thread struct __res_state resolv_state;

struct __res_state *__res_state(void)
{
    return &resolv_state;
}

/* As many domains as fit, each with its NUL. */
static void resolv_fill_search(struct __res_state *state, const struct resolv_conf *conf)
{
    size_t used = 0;

    for (int i = 0; i < MAXDNSRCH && conf->search[i][0] != '\0'; i++) {
        size_t len = strlen(conf->search[i]) + 1;

        if (len > sizeof(state->defdname) - used)
            return;
        state->dnsrch[i] = memcpy(state->defdname + used, conf->search[i], len);
        used += len;
    }
}

int res_init(void)
{
    struct __res_state *state = &resolv_state;
    struct resolv_conf conf;

    resolv_conf_read(&conf);
    memset(state, 0, sizeof(*state));
    state->retrans = (int)conf.timeout_s;
    state->retry = (int)conf.attempts;
    state->ndots = conf.dots & 15u;
    state->options = RES_INIT | RES_DEFAULT;
    for (int i = 0; i < conf.n; i++) {
        if (conf.servers[i].ss_family == AF_INET)
            memcpy(&state->nsaddr_list[state->nscount++], &conf.servers[i],
                   sizeof(state->nsaddr_list[0]));
    }
    resolv_fill_search(state, &conf);
    return 0;
}
