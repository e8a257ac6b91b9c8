/*
 * setjmp() and longjmp() with the signal mask. A sigjmp_buf is newlib's jmp_buf of 8 words, a word
 * that tells whether the mask was saved, and the mask.
 *
 * int sigsetjmp(sigjmp_buf, int save)                 %rdi, %esi
 *     Saves the mask by sigsetjmp_mask() in C, then is setjmp() for our caller's frame.
 * int _setjmp(jmp_buf)
 *     Never touches the mask.
 */
    .section .text.sigsetjmp, "ax"
    .globl sigsetjmp
    .type sigsetjmp, @function
sigsetjmp:
    movslq  %esi, %rsi
    mov     %rsi, 64(%rdi)
    test    %esi, %esi
    jz      1f
    push    %rdi
    call    sigsetjmp_mask          /* (sigjmp_buf) */
    pop     %rdi
1:  jmp     setjmp
    .size sigsetjmp, . - sigsetjmp

    .section .text._setjmp, "ax"
    .globl _setjmp
    .type _setjmp, @function
_setjmp:
    jmp     setjmp
    .size _setjmp, . - _setjmp

    .section .note.GNU-stack, "", @progbits
