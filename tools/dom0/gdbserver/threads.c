#include "threads.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "../cli.h"
#include "packet.h"

/* What thread_switch_stacks (runtime/switch.S) leaves on a stack. */
struct threads_saved {
    uint64_t control_words, r15, r14, r13, r12, rbx, rbp, rip;
};

static struct {
    bool configured;
    uint64_t list, all_link, id, name, stack_pointer, current, idle;
    struct threads_one all[THREADS_MAX];
    size_t n, current_index;
} threads;

void threads_configure(const char *text)
{
    uint64_t *fields[] = { &threads.list, &threads.all_link, &threads.id, &threads.name,
                           &threads.stack_pointer, &threads.current, &threads.idle };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if ((i > 0 && *text++ != ',') || !packet_number(&text, fields[i]))
            cli_fail(CLI_FAILED, "--threads takes seven hexadecimal numbers, with commas");
    if (*text != '\0')
        cli_fail(CLI_FAILED, "--threads takes seven hexadecimal numbers, not more");
    threads.configured = true;
}

static bool threads_read_pointer(uint64_t address, uint64_t *value)
{
    return target_read(address, value, sizeof(*value)) == sizeof(*value);
}

static void threads_add(uint32_t id, const char *name, bool is_current, uint64_t stack_pointer)
{
    struct threads_one *thread = &threads.all[threads.n];

    if (threads.n == THREADS_MAX || id == 0 || id >= 0x7fffffffu || threads_find(id) != NULL)
        return; /* the guest's memory is not in order: what makes no sense is left out */
    if (is_current)
        threads.current_index = threads.n;
    threads.n++;
    *thread = (struct threads_one){ .id = id, .is_current = is_current,
                                    .stack_pointer = stack_pointer };
    for (size_t i = 0; i + 1 < sizeof(thread->name) && name[i] != '\0'; i++)
        thread->name[i] = isgraph((unsigned char)name[i]) ? name[i] : '?';
}

/* One thread of the list, by the address of its struct thread. */
static void threads_add_at(uint64_t at, uint64_t current)
{
    uint64_t stack_pointer;
    uint32_t id;
    char name[32] = "";

    if (target_read(at + threads.id, &id, sizeof(id)) != sizeof(id) ||
        !threads_read_pointer(at + threads.stack_pointer, &stack_pointer))
        return;
    target_read(at + threads.name, name, sizeof(name) - 1);
    threads_add(id, name, at == current, stack_pointer);
}

void threads_refresh(void)
{
    uint64_t current = 0, link;

    threads.n = 0;
    threads.current_index = THREADS_MAX;
    if (threads.configured && threads_read_pointer(threads.current, &current) && current != 0 &&
        threads_read_pointer(threads.list, &link)) {
        /* The list may be half-way through a change, or broken: bounded by our own count. */
        for (unsigned i = 0; i < THREADS_MAX && link != threads.list; i++) {
            threads_add_at(link - threads.all_link, current);
            if (!threads_read_pointer(link, &link))
                break;
        }
    }
    if (threads.current_index == THREADS_MAX)
        threads_add(current == threads.idle && current != 0 ? THREADS_IDLE : 1,
                    current == threads.idle && current != 0 ? "idle" : "boot", true, 0);
    if (threads.current_index == THREADS_MAX) { /* full, or 1 is somebody else's */
        threads.n = 0;
        threads_add(THREADS_IDLE, "vcpu", true, 0);
    }
}

const struct threads_one *threads_all(size_t *n)
{
    *n = threads.n;
    return threads.all;
}

const struct threads_one *threads_current(void)
{
    return &threads.all[threads.current_index];
}

const struct threads_one *threads_find(uint32_t id)
{
    for (size_t i = 0; i < threads.n; i++)
        if (threads.all[i].id == id)
            return &threads.all[i];
    return NULL;
}

bool threads_get_registers(const struct threads_one *thread, struct target_registers *registers)
{
    struct threads_saved saved;
    uint64_t *to = registers->value;

    target_get_registers(registers); /* segments and flags: the same for all */
    if (target_read(thread->stack_pointer, &saved, sizeof(saved)) != sizeof(saved))
        return false;
    memset(to, 0, TARGET_RIP * sizeof(*to)); /* caller-saved ones are nobody's across a switch */
    to[TARGET_RBX] = saved.rbx;
    to[TARGET_RBP] = saved.rbp;
    to[TARGET_R12] = saved.r12;
    to[TARGET_R13] = saved.r13;
    to[TARGET_R14] = saved.r14;
    to[TARGET_R15] = saved.r15;
    to[TARGET_RIP] = saved.rip;
    to[TARGET_RSP] = thread->stack_pointer + sizeof(saved);
    return true;
}
