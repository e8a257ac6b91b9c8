/*
 * The register half of <ucontext.h>. ucontext.c pins the offsets and does the rest.
 *
 * int getcontext(ucontext_t *)                        %rdi
 *     Everything a function keeps, and where to return to; the mask by ucontext_mask() in C.
 * void ucontext_load(const ucontext_t *)              %rdi
 *     All general registers, flags and control words; does not return. Two words below the new %rsp
 *     are used: without a red zone, nothing lives there.
 * ucontext_finish
 *     Where makecontext()'s function returns to: %rbx is the context that it was made in.
 */
#define GREGS      40
#define REG(index) (GREGS + 8 * (index))
#define R8         REG(0)
#define R9         REG(1)
#define R10        REG(2)
#define R11        REG(3)
#define R12        REG(4)
#define R13        REG(5)
#define R14        REG(6)
#define R15        REG(7)
#define RDI        REG(8)
#define RSI        REG(9)
#define RBP        REG(10)
#define RBX        REG(11)
#define RDX        REG(12)
#define RAX        REG(13)
#define RCX        REG(14)
#define RSP        REG(15)
#define RIP        REG(16)
#define EFL        REG(17)
#define FPREGS     REG(23)
#define MXCSR      (FPREGS + 8)
#define X87        (FPREGS + 12)

    .section .text.getcontext, "ax"
    .globl getcontext
    .type getcontext, @function
getcontext:
    mov     %rbx, RBX(%rdi)
    mov     %rbp, RBP(%rdi)
    mov     %r12, R12(%rdi)
    mov     %r13, R13(%rdi)
    mov     %r14, R14(%rdi)
    mov     %r15, R15(%rdi)
    movq    $0, RAX(%rdi)           /* the second return's value */
    mov     (%rsp), %rax
    mov     %rax, RIP(%rdi)
    lea     8(%rsp), %rax
    mov     %rax, RSP(%rdi)
    pushfq
    popq    EFL(%rdi)
    stmxcsr MXCSR(%rdi)
    movl    $0, X87(%rdi)
    fnstcw  X87(%rdi)
    movq    $0, FPREGS(%rdi)
    jmp     ucontext_get_mask       /* (context); returns 0 to our caller */
    .size getcontext, . - getcontext

    .section .text.ucontext_load, "ax"
    .globl ucontext_load
    .type ucontext_load, @function
ucontext_load:
    cmpq    $0, FPREGS(%rdi)        /* the FPU's whole state has been restored in C */
    jne     1f
    ldmxcsr MXCSR(%rdi)
    fldcw   X87(%rdi)
1:  mov     R8(%rdi), %r8
    mov     R9(%rdi), %r9
    mov     R10(%rdi), %r10
    mov     R11(%rdi), %r11
    mov     R12(%rdi), %r12
    mov     R13(%rdi), %r13
    mov     R14(%rdi), %r14
    mov     R15(%rdi), %r15
    mov     RSI(%rdi), %rsi
    mov     RBP(%rdi), %rbp
    mov     RBX(%rdi), %rbx
    mov     RDX(%rdi), %rdx
    mov     RAX(%rdi), %rax
    mov     RCX(%rdi), %rcx
    mov     RSP(%rdi), %rsp
    pushq   RIP(%rdi)
    pushq   EFL(%rdi)
    mov     RDI(%rdi), %rdi
    popfq
    ret
    .size ucontext_load, . - ucontext_load

    .section .text.ucontext_finish, "ax"
    .globl ucontext_finish
    .type ucontext_finish, @function
ucontext_finish:
    mov     %rbx, %rdi
    and     $-16, %rsp
    xor     %ebp, %ebp
    push    $0
    jmp     ucontext_end            /* (context); does not return */
    .size ucontext_finish, . - ucontext_finish

    .section .note.GNU-stack, "", @progbits
