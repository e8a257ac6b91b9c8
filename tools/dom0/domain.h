/*
 * domain: which domains there are, by number and by name, and whether they live.
 *
 * xenstore knows numbers and names. It does not know that a domain which is kept after its end has
 * ended: that `xl` is asked, and only when there is reason to.
 */
#ifndef DOM0_DOMAIN_H
#define DOM0_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>

#define DOMAIN_NAME_MAX 64

enum domain_state {
    DOMAIN_GONE,
    DOMAIN_LIVES, /* runs or waits */
    DOMAIN_PAUSED,
    DOMAIN_ENDED, /* shut down in order, and kept */
    DOMAIN_CRASHED,
    DOMAIN_DYING,
    DOMAIN_UNKNOWN, /* xl does not say */
};

/* All domains but dom0, in order; a block to be freed by the caller. */
int *domain_list(size_t *n);

/* The domain called so, or numbered so; ends the program when there is none. */
int domain_find(const char *text);

bool domain_exists(int domid);

/* Its name with everything unprintable replaced; "?" when it has none. */
void domain_name(int domid, char name[DOMAIN_NAME_MAX]);

enum domain_state domain_state(int domid);

const char *domain_state_word(enum domain_state state);

#endif
