#include "target.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>

#include "../cli.h"

#define TARGET_PAGE 4096u
#define TARGET_PAGES 16u    /* mappings kept while the domain is stopped */
#define TARGET_PATCHES 256u
#define TARGET_TF 0x100u    /* rflags: trap after the next instruction */
#define TARGET_VECTOR_DB 1
#define TARGET_VECTOR_BP 3

/* Changed bytes of the guest's text; gdb is shown what was there before. */
struct target_patch {
    uint64_t address;
    uint8_t len; /* 0: the entry is free */
    uint8_t ours[2], theirs[2];
    bool is_breakpoint; /* else: the entry of a trap handler */
};

/* What Xen pushes when it enters a handler without error code (arch-x86/xen-x86_64.h). */
struct target_frame {
    uint64_t rcx, r11, rip;
    uint32_t cs;
    uint32_t upcalls_were_masked; /* bits 32-39 of the cs slot */
    uint64_t rflags, rsp, ss;
};
_Static_assert(sizeof(struct target_frame) == 56, "seven words");

static const uint8_t target_jump_to_itself[2] = { 0xeb, 0xfe };
static const uint8_t target_int3[1] = { 0xcc };

static struct {
    xc_interface *xc;
    xenforeignmemory_handle *memory;
    uint32_t domid;
    bool attached, stopped, ended;
    vcpu_guest_context_any_t context; /* of the vCPU; current while stopped */
    bool context_changed;
    uint64_t db_entry, bp_entry; /* the patched handlers; 0: traps are not registered yet */
    struct target_patch patches[TARGET_PATCHES];
    struct vcpu_info *vcpu_info; /* in the guest's shared_info */
    bool stepping, step_was_masked;
    struct {
        uint64_t page; /* its virtual address; 0: free */
        void *map;
    } pages[TARGET_PAGES];
    unsigned next_page;
} target;

/* ---- memory */

static void *target_map_frame(xen_pfn_t mfn, int protection)
{
    int error = 0;

    return xenforeignmemory_map(target.memory, target.domid, protection, 1, &mfn, &error);
}

static void target_unmap(void *map)
{
    xenforeignmemory_unmap(target.memory, map, 1);
}

static void target_forget_pages(void)
{
    for (unsigned i = 0; i < TARGET_PAGES; i++) {
        if (target.pages[i].page != 0)
            target_unmap(target.pages[i].map);
        target.pages[i].page = 0;
    }
}

static void *target_map(uint64_t page, int protection)
{
    unsigned long mfn = xc_translate_foreign_address(target.xc, target.domid, 0, page);

    return mfn != 0 ? target_map_frame(mfn, protection) : NULL;
}

/* The page at that virtual address, to be read; kept until the domain runs again. */
static const uint8_t *target_page(uint64_t page)
{
    unsigned slot = target.next_page;

    for (unsigned i = 0; i < TARGET_PAGES; i++)
        if (target.pages[i].page == page && page != 0)
            return target.pages[i].map;
    void *map = target_map(page, PROT_READ);
    if (map == NULL || page == 0) /* nothing is mapped at 0 that anybody wants to see */
        return NULL;
    if (target.pages[slot].page != 0)
        target_unmap(target.pages[slot].map);
    target.pages[slot].page = page;
    target.pages[slot].map = map;
    target.next_page = (slot + 1) % TARGET_PAGES;
    return map;
}

/* As it is, with our changes in it. */
static size_t target_read_raw(uint64_t address, void *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        uint64_t at = address + done;
        size_t offset = at % TARGET_PAGE;
        size_t piece = TARGET_PAGE - offset < n - done ? TARGET_PAGE - offset : n - done;
        const uint8_t *page = target_page(at - offset);
        if (page == NULL)
            break;
        memcpy((uint8_t *)bytes + done, page + offset, piece);
        done += piece;
    }
    return done;
}

static size_t target_write_raw(uint64_t address, const void *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        uint64_t at = address + done;
        size_t offset = at % TARGET_PAGE;
        size_t piece = TARGET_PAGE - offset < n - done ? TARGET_PAGE - offset : n - done;
        uint8_t *page = target_map(at - offset, PROT_READ | PROT_WRITE);
        if (page == NULL)
            break;
        memcpy(page + offset, (const uint8_t *)bytes + done, piece);
        target_unmap(page);
        done += piece;
    }
    return done;
}

size_t target_read(uint64_t address, void *bytes, size_t n)
{
    size_t done = target_read_raw(address, bytes, n);

    for (unsigned i = 0; i < TARGET_PATCHES; i++) {
        const struct target_patch *patch = &target.patches[i];
        for (unsigned j = 0; j < patch->len; j++)
            if (patch->address + j - address < done)
                ((uint8_t *)bytes)[patch->address + j - address] = patch->theirs[j];
    }
    return done;
}

size_t target_write(uint64_t address, const void *bytes, size_t n)
{
    size_t done = target_write_raw(address, bytes, n);

    for (unsigned i = 0; i < TARGET_PATCHES; i++) {
        struct target_patch *patch = &target.patches[i];
        bool hit = false;
        for (unsigned j = 0; j < patch->len; j++) {
            if (patch->address + j - address < done) {
                patch->theirs[j] = ((const uint8_t *)bytes)[patch->address + j - address];
                hit = true;
            }
        }
        if (hit)
            target_write_raw(patch->address, patch->ours, patch->len);
    }
    return done;
}

/* ---- patches */

static struct target_patch *target_find_patch(uint64_t address, bool is_breakpoint)
{
    for (unsigned i = 0; i < TARGET_PATCHES; i++) {
        struct target_patch *patch = &target.patches[i];
        if (patch->len != 0 && patch->address == address && patch->is_breakpoint == is_breakpoint)
            return patch;
    }
    return NULL;
}

static bool target_patch(uint64_t address, const uint8_t *ours, uint8_t len, bool is_breakpoint)
{
    for (unsigned i = 0; i < TARGET_PATCHES; i++) {
        struct target_patch *patch = &target.patches[i];
        if (patch->len != 0)
            continue;
        /* What gdb would see: under another patch that may overlap ours. */
        if (target_read(address, patch->theirs, len) != len ||
            target_write_raw(address, ours, len) != len)
            return false;
        memcpy(patch->ours, ours, len);
        patch->address = address;
        patch->is_breakpoint = is_breakpoint;
        patch->len = len;
        return true;
    }
    return false;
}

static bool target_unpatch(struct target_patch *patch)
{
    uint8_t len = patch->len;

    patch->len = 0;
    return target_write_raw(patch->address, patch->theirs, len) == len;
}

bool target_insert_breakpoint(uint64_t address)
{
    if (target_find_patch(address, true) != NULL)
        return true;
    if (target.bp_entry == 0)
        return target_patch(address, target_jump_to_itself, 2, true);
    return target_patch(address, target_int3, 1, true);
}

bool target_remove_breakpoint(uint64_t address)
{
    struct target_patch *patch = target_find_patch(address, true);

    return patch == NULL || target_unpatch(patch);
}

/* Whether somebody else has done the same to the guest; his changes would become ours. */
static bool target_is_hooked(void)
{
    uint64_t entry = target.context.c.trap_ctxt[TARGET_VECTOR_BP].address;
    uint8_t bytes[2];

    return entry != 0 && target_read_raw(entry, bytes, 2) == 2 &&
           memcmp(bytes, target_jump_to_itself, 2) == 0;
}

/* Take hold of the trap handlers, once there are any. */
static void target_hook_traps(void)
{
    const struct trap_info *table = target.context.c.trap_ctxt;
    uint64_t db = table[TARGET_VECTOR_DB].address, bp = table[TARGET_VECTOR_BP].address;

    if (target.bp_entry != 0 || db == 0 || bp == 0)
        return;
    if (target_patch(db, target_jump_to_itself, 2, false) &&
        target_patch(bp, target_jump_to_itself, 2, false)) {
        target.db_entry = db;
        target.bp_entry = bp;
    }
}

/* ---- the vCPU */

static bool target_info(xc_domaininfo_t *info)
{
    return xc_domain_getinfolist(target.xc, target.domid, 1, info) == 1 &&
           info->domain == target.domid && (info->flags & XEN_DOMINF_dying) == 0;
}

static bool target_fetch(void)
{
    return xc_vcpu_getcontext(target.xc, target.domid, 0, &target.context) == 0;
}

static void target_store(void)
{
    if (target.context_changed)
        xc_vcpu_setcontext(target.xc, target.domid, 0, &target.context);
    target.context_changed = false;
}

void target_get_registers(struct target_registers *registers)
{
    const vcpu_guest_context_t *context = &target.context.c;
    const struct cpu_user_regs *from = &context->user_regs;
    uint64_t *to = registers->value;

    to[TARGET_RAX] = from->rax;
    to[TARGET_RBX] = from->rbx;
    to[TARGET_RCX] = from->rcx;
    to[TARGET_RDX] = from->rdx;
    to[TARGET_RSI] = from->rsi;
    to[TARGET_RDI] = from->rdi;
    to[TARGET_RBP] = from->rbp;
    to[TARGET_RSP] = from->rsp;
    to[TARGET_R8] = from->r8;
    to[TARGET_R9] = from->r9;
    to[TARGET_R10] = from->r10;
    to[TARGET_R11] = from->r11;
    to[TARGET_R12] = from->r12;
    to[TARGET_R13] = from->r13;
    to[TARGET_R14] = from->r14;
    to[TARGET_R15] = from->r15;
    to[TARGET_RIP] = from->rip;
    to[TARGET_RFLAGS] = from->rflags;
    to[TARGET_CS] = from->cs;
    to[TARGET_SS] = from->ss;
    to[TARGET_DS] = from->ds;
    to[TARGET_ES] = from->es;
    to[TARGET_FS] = from->fs;
    to[TARGET_GS] = from->gs;
    to[TARGET_FS_BASE] = context->fs_base;
    to[TARGET_GS_BASE] = context->gs_base_kernel;
    memcpy(registers->fpu, &context->fpu_ctxt, sizeof(registers->fpu));
}

/* Segments stay Xen's and the guest's business. */
bool target_set_registers(const struct target_registers *registers)
{
    struct cpu_user_regs *to = &target.context.c.user_regs;
    const uint64_t *from = registers->value;

    if (!target.stopped || target.ended)
        return false;
    to->rax = from[TARGET_RAX];
    to->rbx = from[TARGET_RBX];
    to->rcx = from[TARGET_RCX];
    to->rdx = from[TARGET_RDX];
    to->rsi = from[TARGET_RSI];
    to->rdi = from[TARGET_RDI];
    to->rbp = from[TARGET_RBP];
    to->rsp = from[TARGET_RSP];
    to->r8 = from[TARGET_R8];
    to->r9 = from[TARGET_R9];
    to->r10 = from[TARGET_R10];
    to->r11 = from[TARGET_R11];
    to->r12 = from[TARGET_R12];
    to->r13 = from[TARGET_R13];
    to->r14 = from[TARGET_R14];
    to->r15 = from[TARGET_R15];
    to->rip = from[TARGET_RIP];
    to->rflags = from[TARGET_RFLAGS];
    memcpy(&target.context.c.fpu_ctxt, registers->fpu, sizeof(registers->fpu));
    target.context_changed = true;
    return true;
}

/* ---- stopping and going on */

void target_attach(int domid)
{
    xc_domaininfo_t info;

    target.domid = (uint32_t)domid;
    target.xc = xc_interface_open(NULL, NULL, XC_OPENFLAG_NON_REENTRANT);
    target.memory = xenforeignmemory_open(NULL, 0);
    if (target.xc == NULL || target.memory == NULL)
        cli_fail(CLI_FAILED, "no hypercalls here: %s; this runs as root in dom0 of a Xen host",
                 strerror(errno));
    if (!target_info(&info))
        cli_fail(CLI_FAILED, "domain %d is not there or on its way out", domid);
    if ((info.flags & XEN_DOMINF_hvm_guest) != 0)
        cli_fail(CLI_FAILED, "domain %d is not a PV guest; gdbserver knows nothing else", domid);
    if (info.max_vcpu_id != 0)
        cli_fail(CLI_FAILED, "domain %d has %u vCPUs; gdbserver knows only one", domid,
                 info.max_vcpu_id + 1);
    target.ended = (info.flags & XEN_DOMINF_shutdown) != 0;
    if ((info.flags & XEN_DOMINF_paused) == 0 && xc_domain_pause(target.xc, target.domid) != 0)
        cli_fail(CLI_FAILED, "domain %d cannot be paused: %s", domid, strerror(errno));
    target.attached = target.stopped = true;
    if (!target_fetch())
        cli_fail(CLI_FAILED, "domain %d does not show its registers: %s", domid, strerror(errno));
    struct shared_info *shared =
        target_map_frame(info.shared_info_frame, PROT_READ | PROT_WRITE);
    if (shared == NULL)
        cli_fail(CLI_FAILED, "domain %d's shared page cannot be mapped: %s", domid,
                 strerror(errno));
    target.vcpu_info = &shared->vcpu_info[0];
    if (target_is_hooked()) {
        if ((info.flags & XEN_DOMINF_paused) == 0)
            xc_domain_unpause(target.xc, target.domid);
        cli_fail(CLI_FAILED, "domain %d is under another debugger, or one was killed there", domid);
    }
    target_hook_traps();
}

static void target_stop(void)
{
    if (!target.stopped)
        xc_domain_pause(target.xc, target.domid);
    target.stopped = true;
}

static bool target_is_at_hook(void)
{
    uint64_t rip = target.context.c.user_regs.rip;

    return target.bp_entry != 0 && (rip == target.bp_entry || rip == target.db_entry);
}

/* The vCPU turns in one of the handlers: put it back to where it came from. */
static enum target_event target_leave_handler(void)
{
    struct cpu_user_regs *regs = &target.context.c.user_regs;
    bool at_breakpoint = regs->rip == target.bp_entry;
    enum target_event event = TARGET_TRAP;
    struct target_frame frame;

    if (target_read_raw(regs->rsp, &frame, sizeof(frame)) != sizeof(frame))
        return TARGET_TRAP; /* no stack: shown as it is */
    regs->rcx = frame.rcx;
    regs->r11 = frame.r11;
    regs->rip = frame.rip;
    regs->rsp = frame.rsp;
    regs->rflags = frame.rflags & ~(uint64_t)TARGET_TF;
    if (at_breakpoint && target_find_patch(frame.rip - 1, true) != NULL) {
        regs->rip = frame.rip - 1;
        event = TARGET_BREAKPOINT;
    }
    /* A step hides upcalls; it leaves them as they were, unless the instruction let them in. */
    bool masked = (frame.upcalls_were_masked & 0xff) != 0;
    if (target.stepping && masked)
        masked = target.step_was_masked;
    target.vcpu_info->evtchn_upcall_mask = masked;
    target.context_changed = true;
    return event;
}

enum target_event target_look(void)
{
    xc_domaininfo_t info;

    if (!target_info(&info)) {
        target.attached = false;
        return TARGET_GONE;
    }
    if (!target_fetch()) /* takes the vCPU's state at one moment, running or not */
        return TARGET_RUNS;
    uint64_t rip = target.context.c.user_regs.rip;
    const struct target_patch *breakpoint = target_find_patch(rip, true);
    if (target_is_at_hook() || (breakpoint != NULL && breakpoint->len == 2)) {
        bool is_hook = target_is_at_hook();
        target_stop();
        target_forget_pages();
        target_fetch();
        target_hook_traps();
        enum target_event event = is_hook ? target_leave_handler() : TARGET_BREAKPOINT;
        target.stepping = false;
        return event;
    }
    if ((info.flags & XEN_DOMINF_shutdown) != 0) {
        target_stop();
        target_forget_pages();
        target.ended = true;
        return TARGET_ENDED;
    }
    target_forget_pages(); /* its page tables may have changed since */
    target_hook_traps();
    return TARGET_RUNS;
}

enum target_event target_interrupt(void)
{
    target_stop();
    enum target_event event = target_look();
    if (event == TARGET_RUNS) {
        if (target.stepping) { /* the step did not come to its end */
            target.context.c.user_regs.rflags &= ~(uint64_t)TARGET_TF;
            target.vcpu_info->evtchn_upcall_mask = target.step_was_masked;
            target.context_changed = true;
            target.stepping = false;
        }
        event = TARGET_TRAP;
    }
    return event;
}

void target_resume(bool step)
{
    if (!target.stopped || target.ended)
        return;
    if (step) {
        target.context.c.user_regs.rflags |= TARGET_TF;
        target.context_changed = true;
        target.step_was_masked = target.vcpu_info->evtchn_upcall_mask != 0;
        target.vcpu_info->evtchn_upcall_mask = 1;
        target.stepping = true;
    }
    target_store();
    target_forget_pages();
    target.stopped = false;
    xc_domain_unpause(target.xc, target.domid);
}

void target_detach(void)
{
    if (!target.attached)
        return;
    if (!target.stopped)
        target_interrupt();
    for (unsigned i = 0; i < TARGET_PATCHES && target.attached; i++)
        if (target.patches[i].len != 0)
            target_unpatch(&target.patches[i]);
    target.bp_entry = target.db_entry = 0;
    target_store();
    target_forget_pages();
    target.attached = false;
    xc_domain_unpause(target.xc, target.domid);
    xc_interface_close(target.xc);
}
