/*
 * Switch stacks between two threads.
 *
 * void thread_switch_stacks(void **save, void *load)
 *     %rdi  where the stack pointer of the thread that leaves is kept
 *     %rsi  the stack pointer of the thread that comes
 *
 * A call saves nothing but what the ABI says a function preserves: rbx rbp r12-r15 and the control
 * words of SSE and x87. What preemption interrupts is saved in full by runtime_preempt().
 */
    .text
    .globl thread_switch_stacks
    .type thread_switch_stacks, @function
thread_switch_stacks:
    push    %rbp
    push    %rbx
    push    %r12
    push    %r13
    push    %r14
    push    %r15
    sub     $8, %rsp
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    mov     %rsp, (%rdi)
    mov     %rsi, %rsp
    ldmxcsr (%rsp)
    fldcw   4(%rsp)
    add     $8, %rsp
    pop     %r15
    pop     %r14
    pop     %r13
    pop     %r12
    pop     %rbx
    pop     %rbp
    ret
    .size thread_switch_stacks, . - thread_switch_stacks

/*
 * Where a new thread's stack makes thread_switch_stacks return to: %rbx is the struct thread. The
 * return address is 0, so that a backtrace ends here.
 */
    .globl thread_first
    .type thread_first, @function
thread_first:
    xor     %ebp, %ebp
    mov     %rbx, %rdi
    push    $0
    jmp     thread_begin
    .size thread_first, . - thread_first

    .section .note.GNU-stack, "", @progbits
