/*
 * Page faults on mapped files: the page is brought, and the access is done again.
 *
 * The handler begins on the thread's own stack with upcalls masked, like any trap. If the thread held
 * no lock of ours, upcalls are unmasked and the thread waits for the device like in a system call, with
 * its FPU state put aside and no signal handler cutting in. Under a spinlock, or within the inside, nothing
 * may wait: then only what is in memory already can be mapped. Transfers make sure of that beforehand
 * (mapping_pin.c).
 */
#pragma GCC target("general-regs-only")

#include <errno.h>

#include <platform/traps.h>
#include <platform/vcpu.h>
#include <runtime/pages.h>
#include <runtime/thread.h>

#include "mapping_file.h"

#define MAPPING_FPU_ALIGN 64u
#define MAPPING_CS_MASKED (0xffull << 32) /* of a frame: the upcall mask as it was */
#define MAPPING_RUN 16u                   /* pages that one fault maps at most */
#define MAPPING_TRIES 1000u               /* a page that goes each time before it is used */

/* What stands between an access and its page. */
enum mapping_need { MAPPING_NOTHING, MAPPING_PAGE, MAPPING_SPACE, MAPPING_MEMORY };

/* ---- connecting what is here, with the lock held ---- */

/* What of the area's protection holds for a page as it is now. */
static unsigned mapping_protection_of(const struct mapping_area *area,
                                      const struct mapping_page *page)
{
    return area->shared && page->dirty ? area->prot : area->prot & ~MEMORY_WRITE;
}

static enum mapping_need mapping_show(uintptr_t va, void *const pages[], size_t n, unsigned prot)
{
    return memory_map(va, pages, n, prot, pages_get_for_table) == 0 ? MAPPING_NOTHING
                                                                    : MAPPING_MEMORY;
}

/* Map a page of the file, and those after it that are here, alike and not mapped yet. */
static enum mapping_need mapping_show_run(struct mapping_area *area, uintptr_t va,
                                          struct mapping_page *page)
{
    unsigned prot = mapping_protection_of(area, page);
    uint64_t index = page->index;
    void *pages[MAPPING_RUN];
    size_t n = 0;

    do {
        pages[n++] = page->page;
        uintptr_t next = va + n * PAGE_SIZE;
        if (n == MAPPING_RUN || next >= mapping_area_end(area) || memory_lookup(next, NULL) != NULL ||
            (!area->shared && mapping_find(NULL, next >> PAGE_SHIFT) != NULL))
            break;
        page = mapping_find(area->set, index + n);
    } while (page != NULL && !page->is_idle && mapping_protection_of(area, page) == prot);
    return mapping_show(va, pages, n, prot);
}

static enum mapping_need mapping_connect(struct mapping_area *area, uintptr_t va, unsigned access)
{
    struct mapping_page *copy = area->shared ? NULL : mapping_find(NULL, va >> PAGE_SHIFT), *page;
    bool write = (access & MEMORY_WRITE) != 0;

    if (copy != NULL)
        return mapping_show(va, &copy->page, 1, area->prot);
    if (area->set->direct) {
        unsigned prot;

        return memory_lookup(va, &prot) != NULL && (access & ~prot) == 0 ? MAPPING_NOTHING
                                                                        : MAPPING_PAGE;
    }
    page = mapping_find(area->set, mapping_area_index(area, va));
    if (page == NULL)
        return MAPPING_PAGE;
    mapping_touch(page);
    if (write && !area->shared) {
        copy = mapping_copy(area, va, page->page);
        return copy != NULL ? mapping_show(va, &copy->page, 1, area->prot) : MAPPING_MEMORY;
    }
    if (write && !page->dirty) {
        if (!page->backed)
            return MAPPING_SPACE;
        mapping_soil(page);
    }
    return mapping_show_run(area, va, page);
}

/* The area at va, if it allows the access; lock held. */
static int mapping_permit(uintptr_t va, unsigned access, struct mapping_area **out)
{
    *out = mapping_area_at(va);
    if (*out == NULL)
        return -EFAULT;
    return (access & ~(*out)->prot) != 0 ? -EACCES : 0;
}

/* ---- bringing what is not ---- */

/* The file system's own page, mapped at once: it stays while inode->data is held. */
static int mapping_show_direct(struct mapping_set *set, uintptr_t va, uint64_t index,
                               unsigned access)
{
    enum mapping_need need = MAPPING_NOTHING;
    struct mapping_area *area;
    bool was_masked;
    void *page;
    int error = set->inode->ops->page(set->inode, index, &page);

    if (error < 0)
        return error;
    was_masked = spin_lock(&mapping.lock);
    if (mapping_permit(va, access, &area) == 0 && area->set == set &&
        mapping_area_index(area, va) == index) {
        if (area->shared) {
            need = mapping_show(va, &page, 1, area->prot);
        } else if ((access & MEMORY_WRITE) == 0) {
            if (mapping_find(NULL, va >> PAGE_SHIFT) == NULL)
                need = mapping_show(va, &page, 1, area->prot & ~MEMORY_WRITE);
        } else if (mapping_find(NULL, va >> PAGE_SHIFT) == NULL &&
                   mapping_copy(area, va, page) == NULL) {
            need = MAPPING_MEMORY;
        }
    }
    spin_unlock(&mapping.lock, was_masked);
    return need == MAPPING_MEMORY ? -ENOMEM : 0;
}

/* Space on the device for a page that is about to be written, so that a full one is told of now. */
static int mapping_back(struct mapping_set *set, uint64_t index)
{
    struct inode *inode = set->inode;
    off_t offset = (off_t)(index * PAGE_SIZE);
    off_t len = inode->size - offset < (off_t)PAGE_SIZE ? inode->size - offset : (off_t)PAGE_SIZE;
    int error = inode->ops->allocate != NULL ? inode->ops->allocate(inode, offset, len) : 0;
    struct mapping_page *page;
    bool was_masked;

    if (error < 0 && error != -EOPNOTSUPP)
        return error;
    was_masked = spin_lock(&mapping.lock);
    page = mapping_find(set, index);
    if (page != NULL)
        page->backed = true;
    spin_unlock(&mapping.lock, was_masked);
    return 0;
}

static int mapping_bring(struct mapping_set *set, uintptr_t va, uint64_t index, unsigned access,
                         enum mapping_need need)
{
    struct inode *inode = set->inode;
    bool was_masked, here;
    int error = 0;

    mapping_make_room(1);
    if (need == MAPPING_MEMORY) { /* also makes more of it reachable, for page tables */
        void *page = pages_get();

        if (page == NULL)
            return -ENOMEM;
        pages_put(page);
        return 0;
    }
    mutex_lock(&inode->data);
    if (index * PAGE_SIZE >= (uint64_t)inode->size) {
        error = -ENXIO;
    } else if (set->direct) {
        error = mapping_show_direct(set, va, index, access);
    } else {
        was_masked = spin_lock(&mapping.lock);
        here = mapping_find(set, index) != NULL;
        spin_unlock(&mapping.lock, was_masked);
        if (!here)
            error = mapping_fill(set, index);
        if (error == 0 && need == MAPPING_SPACE)
            error = mapping_back(set, index);
    }
    mutex_unlock(&inode->data);
    return error;
}

/* ---- both ---- */

static int mapping_get(uintptr_t va, unsigned access, struct mapping_page **pinned)
{
    for (unsigned i = 0; i < MAPPING_TRIES; i++) {
        bool was_masked = spin_lock(&mapping.lock);
        struct mapping_area *area;
        struct mapping_set *set;
        enum mapping_need need;
        uint64_t index;
        int error = mapping_permit(va, access, &area);

        need = error == 0 ? mapping_connect(area, va, access) : MAPPING_NOTHING;
        if (need == MAPPING_NOTHING) {
            if (pinned != NULL && error == 0 &&
                (area->shared || mapping_find(NULL, va >> PAGE_SHIFT) == NULL)) {
                *pinned = mapping_find(area->set, mapping_area_index(area, va));
                if (*pinned != NULL)
                    (*pinned)->pins++;
            }
            spin_unlock(&mapping.lock, was_masked);
            return error;
        }
        set = area->set;
        index = mapping_area_index(area, va);
        set->refs++;
        spin_unlock(&mapping.lock, was_masked);
        error = mapping_bring(set, va, index, access, need);
        mapping_set_put(set);
        if (error < 0)
            return error;
    }
    return -ENOMEM;
}

int mapping_resolve(uintptr_t va, unsigned access)
{
    return mapping_get(va & PAGE_MASK, access, NULL);
}

int mapping_pin(uintptr_t va, unsigned access, struct mapping_page **out)
{
    *out = NULL;
    return mapping_get(va & PAGE_MASK, access, out);
}

void mapping_unpin(struct mapping_page *page)
{
    bool was_masked;

    if (page == NULL)
        return;
    was_masked = spin_lock(&mapping.lock);
    page->pins--;
    spin_unlock(&mapping.lock, was_masked);
}

/* ---- the trap ---- */

/* Without waiting: true if the page was here. */
static bool mapping_resolve_now(uintptr_t va, unsigned access)
{
    struct mapping_area *area;
    bool was_masked, done;

    if (mapping.lock.held)
        return false;
    was_masked = spin_lock(&mapping.lock);
    done = mapping_permit(va, access, &area) == 0 &&
           mapping_connect(area, va, access) == MAPPING_NOTHING;
    spin_unlock(&mapping.lock, was_masked);
    return done;
}

/* Waiting, as in a call of the thread's own. */
static int mapping_resolve_trapped(struct thread *self, uintptr_t va, unsigned access)
{
    char space[vcpu_fpu_size() + MAPPING_FPU_ALIGN];
    void *fpu =
        (void *)(((uintptr_t)space + MAPPING_FPU_ALIGN - 1) & ~(uintptr_t)(MAPPING_FPU_ALIGN - 1));
    int saved_errno = errno, error;

    vcpu_fpu_init(fpu); /* the parts that saving leaves alone must be 0 */
    vcpu_fpu_save(fpu);
    self->mutexes++; /* keeps handlers away, and tells a fault within the fault */
    vcpu_restore_upcalls(false);
    error = mapping_resolve(va, access);
    vcpu_mask_upcalls();
    self->mutexes--;
    vcpu_fpu_restore(fpu);
    errno = saved_errno;
    return error;
}

static bool mapping_on_fault(struct trap_frame *frame, uint64_t address)
{
    uintptr_t va = address & PAGE_MASK;
    struct thread *self = thread_self();
    unsigned access = MEMORY_READ;
    int error;

    if (address - memory_region_start(MEMORY_REGION_MMAP) >= memory_region_size(MEMORY_REGION_MMAP))
        return false;
    if ((frame->error_code & TRAP_PF_WRITE) != 0)
        access |= MEMORY_WRITE;
    if ((frame->error_code & TRAP_PF_FETCH) != 0)
        access |= MEMORY_EXEC;
    if ((frame->cs & MAPPING_CS_MASKED) != 0 || vcpu_in_event() || self == NULL ||
        self->mutexes != 0)
        return mapping_resolve_now(va, access);
    error = mapping_resolve_trapped(self, va, access);
    if (error < 0 && error != -EFAULT && error != -EACCES)
        frame->error_code |= TRAP_PF_NO_CONTENT;
    return error == 0;
}

void mapping_fault_start(void)
{
    traps_set_page_fault_handler(mapping_on_fault);
}
