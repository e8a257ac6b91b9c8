#include <runtime/panic.h>

#include <stdarg.h>
#include <stddef.h>

#include <platform/memory.h>
#include <platform/runtime.h>
#include <platform/spinlock.h>
#include <platform/traps.h>
#include <platform/vcpu.h>
#include <runtime/log.h>
#include <runtime/shutdown.h>
#include <runtime/thread.h>

#define PANIC_FRAMES_MAX 64

static bool panic_under_way;

/* A frame as `push %rbp; mov %rsp,%rbp` leaves it. */
struct panic_frame {
    const struct panic_frame *caller;
    uintptr_t return_address;
};

/* True when a frame can be read at this address. */
static bool panic_readable(const struct panic_frame *frame)
{
    uintptr_t at = (uintptr_t)frame;
    unsigned prot = 0;

    if (at % sizeof(uintptr_t) != 0 || (at & (PAGE_SIZE - 1)) > PAGE_SIZE - sizeof(*frame))
        return false;
    memory_lookup(at, &prot);
    return (prot & MEMORY_READ) != 0;
}

/* One line a frame, raw: names are found from the image's ELF file, outside. */
static void panic_backtrace(uintptr_t pc, const struct panic_frame *frame)
{
    log_print("backtrace:\n");
    for (int n = 0; n < PANIC_FRAMES_MAX && pc != 0; n++) {
        log_print("  #%d 0x%016lx\n", n, (unsigned long)pc);
        if (!panic_readable(frame))
            return;
        pc = frame->return_address;
        if (frame->caller <= frame) /* stacks grow down: a caller's frame lies above */
            frame = NULL;
        else
            frame = frame->caller;
    }
}

struct panic_guard_search {
    uintptr_t address;
    const struct thread *found;
};

static void panic_match_guard(struct thread *thread, void *arg)
{
    struct panic_guard_search *search = arg;

    if (search->address < thread->stack_base && thread->stack_base - search->address <= PAGE_SIZE)
        search->found = thread;
}

static void panic_describe_address(uintptr_t address, bool no_content)
{
    struct panic_guard_search search = { .address = address };

    thread_for_each(panic_match_guard, &search);
    if (search.found != NULL)
        log_print("  at 0x%016lx: stack guard of thread '%s': its stack of %zu KiB is used up\n",
                  (unsigned long)address, search.found->name, search.found->stack_size / 1024);
    else if (no_content)
        log_print("  at 0x%016lx: a mapped file, which ends before or could not be read\n",
                  (unsigned long)address);
    else
        log_print("  at 0x%016lx: %s\n", (unsigned long)address, memory_describe(address));
}

static void panic_registers(const struct trap_frame *f)
{
    log_print("  rip %016lx  rsp %016lx  rflags %08lx\n", (unsigned long)f->rip,
              (unsigned long)f->rsp, (unsigned long)f->rflags);
    log_print("  rax %016lx  rbx %016lx  rcx %016lx  rdx %016lx\n", (unsigned long)f->rax,
              (unsigned long)f->rbx, (unsigned long)f->rcx, (unsigned long)f->rdx);
    log_print("  rsi %016lx  rdi %016lx  rbp %016lx  r8  %016lx\n", (unsigned long)f->rsi,
              (unsigned long)f->rdi, (unsigned long)f->rbp, (unsigned long)f->r8);
    log_print("  r9  %016lx  r10 %016lx  r11 %016lx  r12 %016lx\n", (unsigned long)f->r9,
              (unsigned long)f->r10, (unsigned long)f->r11, (unsigned long)f->r12);
    log_print("  r13 %016lx  r14 %016lx  r15 %016lx\n", (unsigned long)f->r13,
              (unsigned long)f->r14, (unsigned long)f->r15);
}

/* A panic inside a panic has nothing left to say. */
static void panic_begin(void)
{
    vcpu_mask_upcalls();
    if (panic_under_way)
        shutdown_crash("panic while reporting a panic");
    panic_under_way = true;
}

static const char *panic_thread_name(void)
{
    const struct thread *self = thread_self();

    return self != NULL ? self->name : "boot";
}

void spinlock_deadlock(const struct spinlock *lock)
{
    if (!panic_under_way)
        panic("the lock \"%s\" is taken twice", lock->name);
}

void panic(const char *format, ...)
{
    char why[160];
    va_list args;

    panic_begin();
    va_start(args, format);
    log_vformat(why, sizeof(why), format, args);
    va_end(args);
    log_print("xenolith: panic: %s\n  in thread '%s'%s\n", why, panic_thread_name(),
              vcpu_in_event() ? ", in an event handler" : "");
    panic_backtrace((uintptr_t)__builtin_return_address(0),
                    *(const struct panic_frame *const *)__builtin_frame_address(0));
    shutdown_crash(why);
}

void runtime_panic(const char *what, long value)
{
    panic("%s: %ld", what, value);
}

void panic_program(const char *what, const struct trap_frame *frame, uint64_t fault_address)
{
    panic_begin();
    log_print("xenolith: crash: %s\n  in thread '%s'%s\n", what, panic_thread_name(),
              vcpu_in_event() ? ", in an event handler" : "");
    if (frame == NULL) {
        panic_backtrace((uintptr_t)__builtin_return_address(0),
                        *(const struct panic_frame *const *)__builtin_frame_address(0));
        shutdown_crash(what);
    }
    if (frame->vector == TRAP_PAGE_FAULT)
        panic_describe_address(fault_address, (frame->error_code & TRAP_PF_NO_CONTENT) != 0);
    panic_registers(frame);
    panic_backtrace(frame->rip, (const struct panic_frame *)frame->rbp);
    shutdown_crash(what);
}

void runtime_trap_panic(const struct trap_frame *frame, uint64_t fault_address)
{
    char what[120];
    const char *access = "";

    if (frame->vector == TRAP_PAGE_FAULT) {
        if ((frame->error_code & TRAP_PF_FETCH) != 0)
            access = " executing";
        else if ((frame->error_code & TRAP_PF_WRITE) != 0)
            access = " writing";
        else
            access = " reading";
    }
    if (access[0] != '\0')
        log_format(what, sizeof(what), "%s%s 0x%lx (error code %lu)",
                   trap_name((unsigned)frame->vector), access, (unsigned long)fault_address,
                   (unsigned long)(frame->error_code & ~TRAP_PF_NO_CONTENT));
    else
        log_format(what, sizeof(what), "%s (error code %lu)", trap_name((unsigned)frame->vector),
                   (unsigned long)frame->error_code);
    panic_program(what, frame, fault_address);
}
