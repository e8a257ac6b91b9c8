/*
 * ids: what unistd.h does not declare of the calls about user and group ids.
 */
#ifndef LIBC_GLUE_IDS_H
#define LIBC_GLUE_IDS_H

#include <sys/types.h>

int setresuid(uid_t real, uid_t effective, uid_t saved);
int setresgid(gid_t real, gid_t effective, gid_t saved);
int getresuid(uid_t *real, uid_t *effective, uid_t *saved);
int getresgid(gid_t *real, gid_t *effective, gid_t *saved);

#endif
