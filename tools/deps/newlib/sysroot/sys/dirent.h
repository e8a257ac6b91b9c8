/* Directory entries: what readdir() returns. DIR is libc-glue's own. */
#ifndef _SYS_DIRENT_H
#define _SYS_DIRENT_H

#include <sys/cdefs.h>
#include <sys/types.h>

typedef struct __dirstream DIR;

struct dirent {
    ino_t d_ino;
    off_t d_off;             /* position of the next entry, for seekdir() */
    unsigned short d_reclen; /* bytes of this entry */
    unsigned char d_type;    /* one of DT_* */
    char d_name[256];        /* NAME_MAX bytes and a 0 */
};

#define d_fileno d_ino
#define _DIRENT_HAVE_D_OFF
#define _DIRENT_HAVE_D_RECLEN
#define _DIRENT_HAVE_D_TYPE

#if __BSD_VISIBLE || __POSIX_VISIBLE >= 202405
#define DT_UNKNOWN 0
#define DT_FIFO    1
#define DT_CHR     2
#define DT_DIR     4
#define DT_BLK     6
#define DT_REG     8
#define DT_LNK     10
#define DT_SOCK    12
#define DT_WHT     14

#define IFTODT(mode)   (((mode) & 0170000) >> 12)
#define DTTOIF(dirent) ((dirent) << 12)
#endif

#endif
