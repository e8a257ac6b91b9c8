/* link.h: the parts that a program consists of when it runs. A guest has one: its image. */
#ifndef _LINK_H
#define _LINK_H

#include <dlfcn.h>
#include <elf.h>
#include <stddef.h>
#include <sys/cdefs.h>
#include <sys/features.h>

#define __ELF_NATIVE_CLASS 64
#define ElfW(type)         Elf64_##type

#ifdef __cplusplus
extern "C" {
#endif

/* Of a list that nobody keeps here; for programs that look at what dlopen() gave them. */
struct link_map {
    ElfW(Addr) l_addr;
    char *l_name;
    ElfW(Dyn) *l_ld;
    struct link_map *l_next, *l_prev;
};

#if __GNU_VISIBLE
struct dl_phdr_info {
    ElfW(Addr) dlpi_addr;
    const char *dlpi_name;
    const ElfW(Phdr) *dlpi_phdr;
    ElfW(Half) dlpi_phnum;
    unsigned long long dlpi_adds, dlpi_subs;
    size_t dlpi_tls_modid;
    void *dlpi_tls_data;
};

int dl_iterate_phdr(int (*)(struct dl_phdr_info *, size_t, void *), void *);
#endif

#ifdef __cplusplus
}
#endif

#endif
