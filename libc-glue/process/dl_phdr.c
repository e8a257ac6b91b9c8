/* dl_phdr: the image's parts, for programs that look themselves over. */
#define _GNU_SOURCE
#include <link.h>

#include <platform/memory.h>

/* The program image's linker script; a size is its symbol's address. */
extern const char image_start[], text_end[], rodata_end[], image_end[];
extern const char tls_image_start[], tls_image_end[], tls_block_size[];

static ElfW(Phdr) part(ElfW(Word) type, ElfW(Word) flags, const char *start, size_t size, size_t align)
{
    return (ElfW(Phdr)){
        .p_type = type,
        .p_flags = flags,
        .p_vaddr = (ElfW(Addr))start,
        .p_paddr = (ElfW(Addr))start,
        .p_filesz = size,
        .p_memsz = size,
        .p_align = align,
    };
}

int dl_iterate_phdr(int (*visit)(struct dl_phdr_info *, size_t, void *), void *data)
{
    ElfW(Phdr) parts[] = {
        part(PT_LOAD, PF_R | PF_X, image_start, (size_t)(text_end - image_start), PAGE_SIZE),
        part(PT_LOAD, PF_R, text_end, (size_t)(rodata_end - text_end), PAGE_SIZE),
        part(PT_LOAD, PF_R | PF_W, rodata_end, (size_t)(image_end - rodata_end), PAGE_SIZE),
        part(PT_TLS, PF_R, tls_image_start, (size_t)(tls_image_end - tls_image_start), 64),
    };
    struct dl_phdr_info info = {
        .dlpi_name = "",
        .dlpi_phdr = parts,
        .dlpi_phnum = sizeof(parts) / sizeof(parts[0]),
        .dlpi_adds = 1,
        .dlpi_tls_modid = 1,
        .dlpi_tls_data = (char *)__builtin_thread_pointer() - (size_t)tls_block_size,
    };

    parts[3].p_memsz = (size_t)tls_block_size;
    return visit(&info, sizeof(info), data);
}
