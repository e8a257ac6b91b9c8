/* mntent.h: the table of mounts. */
#ifndef _MNTENT_H
#define _MNTENT_H

#include <stdio.h>
#include <paths.h>
#include <sys/cdefs.h>

#define MOUNTED       "/etc/mtab"
#define MNTTAB        "/etc/fstab"
#define MNTTYPE_SWAP  "swap"
#define MNTOPT_RO     "ro"
#define MNTOPT_RW     "rw"

struct mntent {
    char *mnt_fsname;
    char *mnt_dir;
    char *mnt_type;
    char *mnt_opts;
    int mnt_freq;
    int mnt_passno;
};

__BEGIN_DECLS
FILE *setmntent(const char *__path, const char *__mode);
struct mntent *getmntent(FILE *__table);
int endmntent(FILE *__table);
char *hasmntopt(const struct mntent *__entry, const char *__option);
__END_DECLS

#endif
