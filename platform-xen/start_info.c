#include <platform/start_info.h>

#include <errno.h>
#include <string.h>

#include "start_info_priv.h"

#define START_INFO_MAGIC_BEGIN "xen-3."
#define START_INFO_MAGIC_END "-x86_64"
#define START_INFO_PAGES_MIN 64ul        /* 256 KiB: less cannot even hold an image */
#define START_INFO_PAGES_MAX (1ul << 27) /* 512 GiB: what the map of all memory covers */
#define START_INFO_PAGE_OFFSET 0xffful

static struct start_facts start_info_facts;

static const char *start_info_check_magic(const char *magic, size_t size)
{
    const size_t begin = sizeof(START_INFO_MAGIC_BEGIN) - 1;
    const size_t end = sizeof(START_INFO_MAGIC_END) - 1;
    size_t len = 0;

    while (len < size && magic[len] != '\0')
        len++;
    if (len == size)
        return "magic: not terminated";
    if (len < begin || memcmp(magic, START_INFO_MAGIC_BEGIN, begin) != 0)
        return "magic: not xen-3.x";
    if (len < begin + end || memcmp(magic + len - end, START_INFO_MAGIC_END, end) != 0)
        return "magic: not for x86_64";
    return NULL;
}

static const char *start_info_check(const struct start_facts *f)
{
    const char *why = start_info_check_magic(f->magic, sizeof(f->magic));

    if (why != NULL)
        return why;
    if (f->nr_pages < START_INFO_PAGES_MIN)
        return "nr_pages: too little memory to run in";
    if (f->nr_pages > START_INFO_PAGES_MAX)
        return "nr_pages: more than 512 GiB";
    if (f->shared_info == 0 || (f->shared_info & START_INFO_PAGE_OFFSET) != 0)
        return "shared_info: not the address of a page";
    if (f->pt_base == 0 || (f->pt_base & START_INFO_PAGE_OFFSET) != 0)
        return "pt_base: not the address of a page";
    if (f->nr_pt_frames == 0 || f->nr_pt_frames >= f->nr_pages)
        return "nr_pt_frames: out of range";
    if (f->mfn_list == 0 || f->mfn_list % sizeof(xen_pfn_t) != 0)
        return "mfn_list: not the address of a list";
    if ((f->flags & SIF_MOD_START_PFN) != 0)
        return "mod_start: a frame number, which we did not ask for";
    if (f->mod_len != 0 && (f->mod_start == 0 || f->mod_start + f->mod_len < f->mod_start))
        return "mod_start: out of range";
    return NULL;
}

static void start_info_copy_cmdline(const start_info_t *page, struct start_facts *out)
{
    size_t len = 0;

    while (len < sizeof(out->cmdline) - 1 && page->cmd_line[len] != '\0')
        len++;
    memcpy(out->cmdline, page->cmd_line, len);
    out->cmdline[len] = '\0';
    out->cmdline_len = len;
    /* The tool stack cuts a longer one so that it fits with its NUL: that cannot be told apart. */
    out->cmdline_unterminated = len == sizeof(out->cmdline) - 1;
    out->cmdline_address = (uintptr_t)page->cmd_line;
}

int start_info_parse(const start_info_t *page, struct start_facts *out, const char **why)
{
    _Static_assert(sizeof(out->magic) == sizeof(page->magic), "magic is copied whole");
    _Static_assert(sizeof(out->cmdline) == sizeof(page->cmd_line), "cmd_line is copied whole");

    memset(out, 0, sizeof(*out));
    out->address = (uintptr_t)page;
    memcpy(out->magic, page->magic, sizeof(out->magic));
    out->nr_pages = page->nr_pages;
    out->shared_info = page->shared_info;
    out->flags = page->flags;
    out->store_mfn = page->store_mfn;
    out->store_evtchn = page->store_evtchn;
    if ((page->flags & SIF_INITDOMAIN) == 0) { /* else the same bytes describe a VGA console */
        out->console_page_mfn = page->console.domU.mfn;
        out->console_port = page->console.domU.evtchn;
    }
    out->pt_base = page->pt_base;
    out->nr_pt_frames = page->nr_pt_frames;
    out->mfn_list = page->mfn_list;
    out->mod_start = page->mod_start;
    out->mod_len = page->mod_len;
    out->first_p2m_pfn = page->first_p2m_pfn;
    out->nr_p2m_frames = page->nr_p2m_frames;
    start_info_copy_cmdline(page, out);

    *why = start_info_check(out);
    return *why == NULL ? 0 : -EINVAL;
}

int start_info_take(const start_info_t *page, const char **why)
{
    return start_info_parse(page, &start_info_facts, why);
}

const struct start_facts *start_facts(void)
{
    return &start_info_facts;
}

bool start_is_dom0(void)
{
    return (start_info_facts.flags & SIF_INITDOMAIN) != 0;
}
