/*
 * dlfcn: dynamic linking, refused with a reason that dlerror() tells once, as POSIX has it. Each is
 * weak: programs that watch over what is loaded have a dlopen() of their own beside the others.
 */
#define _GNU_SOURCE
#include <dlfcn.h>

#include <stddef.h>

static _Thread_local const char *dlfcn_error;

__attribute__((weak)) void *dlopen(const char *file, int mode)
{
    (void)file;
    (void)mode;
    dlfcn_error = "a Xenolith guest is one image: shared objects cannot be loaded";
    return NULL;
}

__attribute__((weak)) void *dlsym(void *__restrict handle, const char *__restrict name)
{
    (void)handle;
    (void)name;
    dlfcn_error = "a Xenolith guest is one image: symbols cannot be looked up";
    return NULL;
}

__attribute__((weak)) int dlclose(void *handle)
{
    (void)handle;
    dlfcn_error = "a Xenolith guest is one image: no shared object is open";
    return -1;
}

__attribute__((weak)) char *dlerror(void)
{
    const char *error = dlfcn_error;

    dlfcn_error = NULL;
    return (char *)(size_t)error;
}

/* Not even the image itself has a table of symbols. */
__attribute__((weak)) int dladdr(const void *address, Dl_info *info)
{
    (void)address;
    (void)info;
    return 0;
}
