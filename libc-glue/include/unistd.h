/* newlib's <unistd.h>, and calls of Linux that it does not declare. */
#ifndef _UNISTD_H_
#define _UNISTD_H_

#include <sys/unistd.h>

#if __GNU_VISIBLE
__BEGIN_DECLS
ssize_t copy_file_range(int in, off_t *in_offset, int out, off_t *out_offset, size_t len,
                        unsigned int flags);
__END_DECLS
#endif

#endif
