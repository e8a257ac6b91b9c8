/*
 * Names of files that match a pattern. newlib's glob() with the names that POSIX gives to its results;
 * values and structure are those that newlib was compiled with.
 */
#ifndef _GLOB_H_
#define _GLOB_H_

#include <sys/cdefs.h>

#define GLOB_APPEND     0x0001
#define GLOB_DOOFFS     0x0002
#define GLOB_ERR        0x0004
#define GLOB_MARK       0x0008
#define GLOB_NOCHECK    0x0010
#define GLOB_NOSORT     0x0020
#define GLOB_ALTDIRFUNC 0x0040
#define GLOB_BRACE      0x0080
#define GLOB_MAGCHAR    0x0100
#define GLOB_NOMAGIC    0x0200
#define GLOB_QUOTE      0x0400
#define GLOB_TILDE      0x0800
#define GLOB_LIMIT      0x1000
#define GLOB_MAXPATH    GLOB_LIMIT

#define GLOB_NOSPACE (-1)
#define GLOB_ABORTED (-2)
#define GLOB_NOMATCH (-3)
#define GLOB_ABEND   GLOB_ABORTED

struct stat;
struct dirent;

typedef struct {
    int gl_pathc;
    int gl_matchc;
    int gl_offs;
    int gl_flags;
    char **gl_pathv;
    int (*gl_errfunc)(const char *path, int error);

    /* With GLOB_ALTDIRFUNC, called instead of the functions of these names. */
    void (*gl_closedir)(void *dir);
    struct dirent *(*gl_readdir)(void *dir);
    void *(*gl_opendir)(const char *path);
    int (*gl_lstat)(const char *path, struct stat *stat);
    int (*gl_stat)(const char *path, struct stat *stat);
} glob_t;

__BEGIN_DECLS

int glob(const char *__restrict pattern, int flags, int (*error)(const char *path, int error),
         glob_t *__restrict result);
void globfree(glob_t *result);

__END_DECLS

#endif
