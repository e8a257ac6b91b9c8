/*
 * Call a function on another stack.
 *
 * void signal_call_on(void *top, void (*function)(void *), void *arg)
 *     %rdi  the other stack's end; the stack pointer begins at the next multiple of 16 below
 *     %rsi  the function, which may also leave by longjmp()
 *     %rdx  its argument
 */
    .section .text.signal_call_on, "ax"
    .globl signal_call_on
    .type signal_call_on, @function
signal_call_on:
    .cfi_startproc
    push    %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov     %rsp, %rbp
    .cfi_def_cfa_register %rbp
    and     $-16, %rdi
    mov     %rdi, %rsp
    mov     %rdx, %rdi
    call    *%rsi
    leave
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size signal_call_on, . - signal_call_on

    .section .note.GNU-stack, "", @progbits
