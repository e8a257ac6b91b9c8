/*
 * sys/ucontext.h: the registers of a thread that was interrupted, or that called getcontext().
 * The names and the order of gregs are those that programs for x86-64 know.
 */
#ifndef _SYS_UCONTEXT_H
#define _SYS_UCONTEXT_H

#include <sys/cdefs.h>
#include <sys/features.h>
#include <signal.h>

typedef long long greg_t;
#define NGREG 23
typedef greg_t gregset_t[NGREG];

/* Indices in gregs. */
enum {
    REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
    REG_RDI, REG_RSI, REG_RBP, REG_RBX, REG_RDX, REG_RAX, REG_RCX, REG_RSP, REG_RIP,
    REG_EFL,
    REG_CSGSFS, /* the selectors of cs and ss */
    REG_ERR,    /* of a trap: the error code, */
    REG_TRAPNO, /* the vector, */
    REG_OLDMASK,
    REG_CR2     /* and the address */
};
#define REG_R8      REG_R8
#define REG_R9      REG_R9
#define REG_R10     REG_R10
#define REG_R11     REG_R11
#define REG_R12     REG_R12
#define REG_R13     REG_R13
#define REG_R14     REG_R14
#define REG_R15     REG_R15
#define REG_RDI     REG_RDI
#define REG_RSI     REG_RSI
#define REG_RBP     REG_RBP
#define REG_RBX     REG_RBX
#define REG_RDX     REG_RDX
#define REG_RAX     REG_RAX
#define REG_RCX     REG_RCX
#define REG_RSP     REG_RSP
#define REG_RIP     REG_RIP
#define REG_EFL     REG_EFL
#define REG_CSGSFS  REG_CSGSFS
#define REG_ERR     REG_ERR
#define REG_TRAPNO  REG_TRAPNO
#define REG_OLDMASK REG_OLDMASK
#define REG_CR2     REG_CR2

/* What FXSAVE writes; where the processor has XSAVE, its header and the rest follow. */
struct _libc_fpstate {
    unsigned short cwd, swd, ftw, fop;
    unsigned long rip, rdp;
    unsigned int mxcsr, mxcr_mask;
    struct {
        unsigned short significand[4], exponent, __reserved[3];
    } _st[8];
    struct {
        unsigned int element[4];
    } _xmm[16];
    unsigned int __reserved[24];
};
typedef struct _libc_fpstate *fpregset_t;

typedef struct {
    gregset_t gregs;
    fpregset_t fpregs; /* NULL in a context of getcontext(): the control words say it all */
    unsigned int __mxcsr, __x87_control;
} mcontext_t;

typedef struct ucontext_t {
    unsigned long uc_flags;
    struct ucontext_t *uc_link;
    stack_t uc_stack;
    mcontext_t uc_mcontext;
    sigset_t uc_sigmask;
} ucontext_t;

#endif
