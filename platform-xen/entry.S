/*
 * Where Xen enters us: 32 traps, the event upcall, the failsafe callback.
 *
 * On arrival Xen has pushed at the interrupted %rsp (aligned down to 16 bytes):
 *
 *     rcx  r11  [error code]  rip  cs  rflags  rsp  ss        <- low to high
 *
 * %rcx and %r11 are clobbered by the way in, all else is the interrupted thread's. Bits 32-39 of the
 * cs slot hold the upcall mask as it was; it is set now. Each entry restores rcx and r11, completes a
 * struct trap_frame (platform/traps.h) and calls C with its address. C is built without SSE, so FPU
 * state is touched by runtime_preempt() alone.
 * Source: xen/arch-x86/xen-x86_64.h.
 */
#include "layout.h"

#define UPCALL_PENDING shared_info_page       /* vcpu_info[0].evtchn_upcall_pending */
#define UPCALL_MASK    shared_info_page + 1   /* vcpu_info[0].evtchn_upcall_mask */

#define FRAME_RIP      0                      /* offsets once the general registers are restored */
#define FRAME_CS       8
#define FRAME_WAS_MASKED 12
#define FRAME_RSP      24

/*
 * For debuggers: where the interrupted code's registers are. The CFA of all that follows is the end of
 * Xen's frame, so `between` counts the bytes that lie between %rsp and the frame's rip.
 */
    .cfi_sections .debug_frame
.macro cfi_frame between
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa %rsp, 40 + \between
    .cfi_offset %rip, -40
    .cfi_offset %rsp, -16
.endm

.macro cfi_saved_registers          /* as save_registers leaves them, above vector and error code */
    .cfi_offset %rax, -64;  .cfi_offset %rbx, -72;  .cfi_offset %rcx, -80;  .cfi_offset %rdx, -88
    .cfi_offset %rsi, -96;  .cfi_offset %rdi, -104; .cfi_offset %rbp, -112; .cfi_offset %r8, -120
    .cfi_offset %r9, -128;  .cfi_offset %r10, -136; .cfi_offset %r11, -144; .cfi_offset %r12, -152
    .cfi_offset %r13, -160; .cfi_offset %r14, -168; .cfi_offset %r15, -176
.endm

.macro save_registers
    push %rax; push %rbx; push %rcx; push %rdx; push %rsi; push %rdi; push %rbp
    push %r8; push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15
    .cfi_adjust_cfa_offset 120
    cfi_saved_registers
    cld
.endm

.macro restore_registers
    pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8
    pop %rbp; pop %rdi; pop %rsi; pop %rdx; pop %rcx; pop %rbx; pop %rax
.endm

    .text

/*
 * The event upcall. It may arrive in the exit window below, after upcalls were unmasked and before
 * iretq: then every register is already the interrupted thread's, and the frame that was about to be
 * left lies at the saved rsp; we drop the new frame and go on with that one, so that a storm of
 * events never grows the stack.
 */
    .globl entry_event
    .type entry_event, @function
entry_event:
    cfi_frame 16
    pop     %rcx
    pop     %r11
    .cfi_adjust_cfa_offset -16
    cmpq    $exit_window_start, FRAME_RIP(%rsp)
    jb      1f
    cmpq    $exit_window_end, FRAME_RIP(%rsp)
    jae     1f
    mov     FRAME_RSP(%rsp), %rsp
1:
entry_event_again:
    pushq   $0
    pushq   $256                    /* TRAP_EVENT */
    .cfi_adjust_cfa_offset 16
    save_registers
    mov     %rsp, %rbx              /* handlers run on the event stack */
    .cfi_def_cfa_register %rbx
    mov     $event_stack_end, %esp
    call    vcpu_upcall
    mov     %rbx, %rsp
    mov     %rbx, %rdi
    call    vcpu_leave_event        /* (frame), on the thread's stack: may switch threads */
    jmp     exit_frame
    .cfi_endproc
    .size entry_event, . - entry_event

/*
 * Call vcpu_upcall on the event stack, for a pending event found when upcalls are unmasked by C.
 */
    .globl vcpu_upcall_on_event_stack
    .type vcpu_upcall_on_event_stack, @function
vcpu_upcall_on_event_stack:
    .cfi_startproc
    push    %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov     %rsp, %rbp
    .cfi_def_cfa_register %rbp
    mov     $event_stack_end, %esp
    call    vcpu_upcall
    mov     %rbp, %rsp
    pop     %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size vcpu_upcall_on_event_stack, . - vcpu_upcall_on_event_stack

/* Leave through the frame at %rsp. Upcalls are masked; they are unmasked if they were at the start. */
    .type exit_frame, @function
exit_frame:
    cfi_frame 136
    cfi_saved_registers
    restore_registers
    add     $16, %rsp               /* vector and error code */
    .cfi_endproc
    cfi_frame 0
    orb     $3, FRAME_CS(%rsp)      /* Xen shows ring 0; the processor must return to ring 3 */
    cmpb    $0, FRAME_WAS_MASKED(%rsp)
    jne     2f
exit_window_start:
    movb    $0, UPCALL_MASK
    cmpb    $0, UPCALL_PENDING
    jne     3f
    iretq
3:  movb    $1, UPCALL_MASK         /* something came while we were masked */
exit_window_end:
    jmp     entry_event_again
2:  iretq
    .cfi_endproc
    .size exit_frame, . - exit_frame

    .type trap_common, @function
trap_common:
    cfi_frame 16
    save_registers
    mov     %rsp, %rdi
    call    traps_handle            /* (frame) */
    jmp     exit_frame
    .cfi_endproc
    .size trap_common, . - trap_common

.macro trap vector, has_error_code=0
    .type entry_trap_\vector, @function
entry_trap_\vector:
    cfi_frame 16+8*\has_error_code
    pop     %rcx
    pop     %r11
    .cfi_adjust_cfa_offset -16
    .if !\has_error_code
    pushq   $0
    .cfi_adjust_cfa_offset 8
    .endif
    pushq   $\vector
    .cfi_adjust_cfa_offset 8
    jmp     trap_common
    .cfi_endproc
    .size entry_trap_\vector, . - entry_trap_\vector
    .pushsection .rodata
    .quad   entry_trap_\vector
    .popsection
.endm

    .section .rodata
    .balign 8
    .globl entry_traps
entry_traps:                        /* the 32 addresses, in order of vector */
    .text
    trap 0
    trap 1
    trap 2
    trap 3
    trap 4
    trap 5
    trap 6
    trap 7
    trap 8, 1
    trap 9
    trap 10, 1
    trap 11, 1
    trap 12, 1
    trap 13, 1
    trap 14, 1
    trap 15
    trap 16
    trap 17, 1
    trap 18
    trap 19
    trap 20
    trap 21, 1
    trap 22
    trap 23
    trap 24
    trap 25
    trap 26
    trap 27
    trap 28
    trap 29, 1
    trap 30, 1
    trap 31

/*
 * Xen could not return to us (a bad selector or rip in our frame). Stack: rcx r11 ds es fs gs, then
 * the frame. Reported as a general protection fault at the place that would have been returned to.
 */
    .globl entry_failsafe
    .type entry_failsafe, @function
entry_failsafe:
    pop     %rcx
    pop     %r11
    add     $32, %rsp
    pushq   $0
    pushq   $13
    jmp     trap_common
    .size entry_failsafe, . - entry_failsafe

    .section .bss_pages, "aw", @nobits   /* whole pages; guest.lds aligns them */
    .globl shared_info_page         /* shared_info is mapped over this page at boot */
shared_info_page:
    .skip   4096
event_stack:
    .skip   LAYOUT_EVENT_STACK_SIZE
    .globl event_stack, event_stack_end
event_stack_end:

    .section .note.GNU-stack, "", @progbits
