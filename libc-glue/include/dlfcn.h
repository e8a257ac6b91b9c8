/* Shared objects: an image is linked once and for all, so every call fails, and dlerror() says why. */
#ifndef _DLFCN_H
#define _DLFCN_H

#include <sys/cdefs.h>
#include <sys/features.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RTLD_LAZY     0x00001
#define RTLD_NOW      0x00002
#define RTLD_NOLOAD   0x00004
#define RTLD_DEEPBIND 0x00008
#define RTLD_LOCAL    0
#define RTLD_GLOBAL   0x00100
#define RTLD_NODELETE 0x01000

void *dlopen(const char *, int);
void *dlsym(void *__restrict, const char *__restrict);
int dlclose(void *);
char *dlerror(void);

#if __MISC_VISIBLE || __POSIX_VISIBLE >= 202405
#define RTLD_DEFAULT ((void *)0)
#define RTLD_NEXT    ((void *)-1)

typedef struct {
    const char *dli_fname;
    void *dli_fbase;
    const char *dli_sname;
    void *dli_saddr;
} Dl_info;

int dladdr(const void *, Dl_info *);
#endif

#ifdef __cplusplus
}
#endif

#endif
