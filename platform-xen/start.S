/*
 * Entry of the image, and the notes in which it tells the domain builder what it is.
 *
 * On arrival: %rsi = start_info, %rsp = the builder's one-page stack, upcalls masked, paging on with
 * the builder's tables. The CPU runs 64-bit code in ring 3.
 * Source: xen/xen.h, "The initial domain layout"; xen/elfnote.h.
 */
#include "layout.h"

#define XEN_ELFNOTE_ENTRY          1
#define XEN_ELFNOTE_VIRT_BASE      3
#define XEN_ELFNOTE_PADDR_OFFSET   4
#define XEN_ELFNOTE_XEN_VERSION    5
#define XEN_ELFNOTE_GUEST_OS       6
#define XEN_ELFNOTE_GUEST_VERSION  7
#define XEN_ELFNOTE_LOADER         8

.macro note type, value:vararg
    .pushsection .note.Xen, "a", @note
    .balign 4
    .long 4, 2f - 1f, \type
    .asciz "Xen"
1:  \value
2:  .balign 4
    .popsection
.endm

    note XEN_ELFNOTE_ENTRY, .quad _start
    note XEN_ELFNOTE_VIRT_BASE, .quad image_start
    note XEN_ELFNOTE_PADDR_OFFSET, .quad image_start
    note XEN_ELFNOTE_XEN_VERSION, .asciz "xen-3.0"
    note XEN_ELFNOTE_GUEST_OS, .asciz "Xenolith"
    note XEN_ELFNOTE_GUEST_VERSION, .asciz XENOLITH_VERSION
    note XEN_ELFNOTE_LOADER, .asciz "generic"

    .section .text.start, "ax", @progbits
    .globl _start
    .type _start, @function
_start:
    cld
    rdtsc                           /* the clock's zero: before anything else happens */
    shl     $32, %rdx
    or      %rdx, %rax
    mov     $boot_stack_end, %esp
    xor     %ebp, %ebp              /* backtraces end here */
    mov     %rsi, %rdi
    mov     %rax, %rsi
    call    platform_start          /* (start_info, entry_tsc); does not return */
    ud2
    .size _start, . - _start

    .section .bss_pages, "aw", @nobits   /* whole pages; guest.lds aligns them */
    .globl boot_stack, boot_stack_end
boot_stack:
    .skip   LAYOUT_BOOT_STACK_SIZE
boot_stack_end:

    .section .note.GNU-stack, "", @progbits
