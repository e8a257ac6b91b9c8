/* newlib's <unistd.h>, and calls of Linux that it does not declare. */
#ifndef _UNISTD_H_
#define _UNISTD_H_

#include <sys/unistd.h>

__BEGIN_DECLS
#if __MISC_VISIBLE
void closefrom(int lowest);
int setdomainname(const char *name, size_t len);
#endif
#if __GNU_VISIBLE
ssize_t copy_file_range(int in, off_t *in_offset, int out, off_t *out_offset, size_t len,
                        unsigned int flags);
int getresuid(uid_t *real, uid_t *effective, uid_t *saved);
int getresgid(gid_t *real, gid_t *effective, gid_t *saved);
int setresuid(uid_t real, uid_t effective, uid_t saved);
int setresgid(gid_t real, gid_t effective, gid_t saved);
#endif
__END_DECLS

#endif
