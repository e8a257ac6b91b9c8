/* start_info: what Xen's page says is copied whole, and nonsense is refused by name. */
#include "test.h"

#include <platform/start_info.h>

static start_info_t page;
static struct start_facts facts;
static const char *why;

static int parse(void)
{
    return start_info_parse(&page, &facts, &why);
}

static void fill(const char *cmdline)
{
    fakexen_fill_start_info(&page, &(struct fakexen_options){ .cmdline = cmdline });
}

static void check_refused(const char *with)
{
    CHECK_EQ(parse(), -EINVAL);
    CHECK_STR(why, with);
}

TEST(every_field_arrives)
{
    fill("a=b -- c");
    page.flags = SIF_MULTIBOOT_MOD;
    page.mod_start = 0x700000;
    page.mod_len = 12345;
    page.first_p2m_pfn = 77;
    page.nr_p2m_frames = 88;

    CHECK_EQ(parse(), 0);
    CHECK(why == NULL);
    CHECK_EQ(facts.address, (uintptr_t)&page);
    CHECK_STR(facts.magic, "xen-3.0-x86_64");
    CHECK_EQ(facts.nr_pages, 2048);
    CHECK_EQ(facts.shared_info, page.shared_info);
    CHECK_EQ(facts.flags, SIF_MULTIBOOT_MOD);
    CHECK_EQ(facts.store_mfn, page.store_mfn);
    CHECK_EQ(facts.store_evtchn, FAKEXEN_STORE_PORT);
    CHECK_EQ(facts.console_page_mfn, page.console.domU.mfn);
    CHECK_EQ(facts.console_port, FAKEXEN_CONSOLE_PORT);
    CHECK_EQ(facts.pt_base, page.pt_base);
    CHECK_EQ(facts.nr_pt_frames, 7);
    CHECK_EQ(facts.mfn_list, page.mfn_list);
    CHECK_EQ(facts.mod_start, 0x700000);
    CHECK_EQ(facts.mod_len, 12345);
    CHECK_EQ(facts.first_p2m_pfn, 77);
    CHECK_EQ(facts.nr_p2m_frames, 88);
    CHECK_EQ(facts.cmdline_address, (uintptr_t)page.cmd_line);
    CHECK_EQ(facts.cmdline_len, 8);
    CHECK_STR(facts.cmdline, "a=b -- c");
    CHECK(!facts.cmdline_unterminated);
}

TEST(an_empty_command_line_is_empty)
{
    fill(NULL);
    CHECK_EQ(parse(), 0);
    CHECK_EQ(facts.cmdline_len, 0);
    CHECK_STR(facts.cmdline, "");
}

/* Xen's own domain builder ends it with a NUL; whoever does not, must not make us read on. */
TEST(a_command_line_without_an_end_is_cut)
{
    fill(NULL);
    memset(page.cmd_line, 'x', sizeof(page.cmd_line));
    CHECK_EQ(parse(), 0);
    CHECK_EQ(facts.cmdline_len, START_INFO_CMDLINE_SIZE - 1);
    CHECK_EQ(strlen(facts.cmdline), START_INFO_CMDLINE_SIZE - 1);
    CHECK(facts.cmdline_unterminated);
}

TEST(a_full_command_line_counts_as_cut)
{
    fill(NULL);
    memset(page.cmd_line, 'x', sizeof(page.cmd_line) - 1);
    CHECK_EQ(parse(), 0);
    CHECK(facts.cmdline_unterminated);
    page.cmd_line[sizeof(page.cmd_line) - 2] = '\0';
    CHECK_EQ(parse(), 0);
    CHECK_EQ(facts.cmdline_len, START_INFO_CMDLINE_SIZE - 2);
    CHECK(!facts.cmdline_unterminated);
}

TEST(a_wrong_magic_is_refused)
{
    fill(NULL);
    strcpy(page.magic, "linux-6.1-x86_64");
    check_refused("magic: not xen-3.x");
    strcpy(page.magic, "xen-4.0-x86_64");
    check_refused("magic: not xen-3.x");
    strcpy(page.magic, "xen-3.0-x86_32p");
    check_refused("magic: not for x86_64");
    strcpy(page.magic, "xen-3.");
    check_refused("magic: not for x86_64");
    strcpy(page.magic, "");
    check_refused("magic: not xen-3.x");
    memset(page.magic, 'x', sizeof(page.magic));
    check_refused("magic: not terminated");
}

TEST(implausible_numbers_are_refused_by_name)
{
    fill(NULL);
    page.nr_pages = 63;
    check_refused("nr_pages: too little memory to run in");
    page.nr_pages = (1ul << 27) + 1;
    check_refused("nr_pages: more than 512 GiB");
    fill(NULL);
    page.shared_info = 0;
    check_refused("shared_info: not the address of a page");
    page.shared_info = 0x1001;
    check_refused("shared_info: not the address of a page");
    fill(NULL);
    page.pt_base = 0x505008;
    check_refused("pt_base: not the address of a page");
    fill(NULL);
    page.nr_pt_frames = 0;
    check_refused("nr_pt_frames: out of range");
    page.nr_pt_frames = 2048;
    check_refused("nr_pt_frames: out of range");
    fill(NULL);
    page.mfn_list = 4;
    check_refused("mfn_list: not the address of a list");
    fill(NULL);
    page.mod_len = 1;
    check_refused("mod_start: out of range");
    page.mod_start = UINT64_MAX;
    page.mod_len = 2;
    check_refused("mod_start: out of range");
    fill(NULL);
    page.flags = SIF_MOD_START_PFN;
    check_refused("mod_start: a frame number, which we did not ask for");
}

/* In the initial domain the console's fields mean something else. */
TEST(dom0_has_neither_console_nor_store)
{
    fakexen_start(&(struct fakexen_options){ .dom0 = true });
    CHECK(start_is_dom0());
    CHECK_EQ(start_facts()->console_page_mfn, 0);
    CHECK_EQ(start_facts()->console_port, 0);
    CHECK_EQ(start_facts()->store_mfn, 0);
}

/* The page itself is not looked at again: fakexen overwrites it. */
TEST(the_facts_are_a_copy)
{
    fakexen_start(&(struct fakexen_options){ .cmdline = "hello" });
    CHECK(!start_is_dom0());
    CHECK_STR(start_facts()->cmdline, "hello");
    CHECK_EQ(start_facts()->nr_pages, 2048);
}
