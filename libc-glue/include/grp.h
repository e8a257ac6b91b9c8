/* grp.h: groups, out of /etc/group; without that file there are root's and nobody's. */
#ifndef _GRP_H_
#define _GRP_H_

#include <stddef.h>
#include <sys/cdefs.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct group {
    char *gr_name, *gr_passwd;
    gid_t gr_gid;
    char **gr_mem; /* NULL behind the last */
};

struct group *getgrgid(gid_t);
struct group *getgrnam(const char *);

#if __MISC_VISIBLE || __POSIX_VISIBLE
int getgrgid_r(gid_t, struct group *, char *, size_t, struct group **);
int getgrnam_r(const char *, struct group *, char *, size_t, struct group **);
#endif

#if __MISC_VISIBLE || __XSI_VISIBLE >= 4
struct group *getgrent(void);
void setgrent(void);
void endgrent(void);
#endif

#if __MISC_VISIBLE
#define _PATH_GROUP "/etc/group"

int getgrouplist(const char *, gid_t, gid_t *, int *);
int initgroups(const char *, gid_t);
int setgroups(int, const gid_t *);
#endif

#ifdef __cplusplus
}
#endif

#endif
