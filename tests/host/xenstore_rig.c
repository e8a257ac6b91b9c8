#include "xenstore_rig.h"

#include <platform/clock.h>
#include <platform/vcpu.h>

#include "test.h"

const char *broken_why;
unsigned broken_times;

static void on_broken(const char *why)
{
    broken_why = why;
    broken_times++;
}

static void on_timer(void)
{
}

void rig_start_at(uint32_t index)
{
    fakexen_start(&(struct fakexen_options){ .store_index = index });
    CHECK_EQ(clock_start(on_timer), 0);
    xenstore_set_reporter(on_broken);
    CHECK_EQ(xenstore_start(), 0);
    fakexen_mark_clean();
    vcpu_restore_upcalls(false);
}

void rig_start(void)
{
    rig_start_at(0);
}

void ask_done(struct xenstore_req *req)
{
    struct asked *asked = req->arg;

    CHECK(vcpu_upcalls_masked());
    asked->done++;
}

void ask(struct asked *asked, uint32_t type, const char *path)
{
    memset(asked, 0, sizeof(*asked));
    asked->req = (struct xenstore_req){
        .type = type,
        .body = path,
        .body_len = strlen(path) + 1,
        .reply = asked->reply,
        .reply_size = sizeof(asked->reply) - 1,
        .done = ask_done,
        .arg = asked,
    };
    xenstore_submit(&asked->req);
}

void ask_wait(struct asked *asked)
{
    vcpu_mask_upcalls();
    while (asked->done == 0)
        vcpu_block(CLOCK_NEVER);
    vcpu_restore_upcalls(false);
}

void watch_fired(struct xenstore_watch *watch, const char *path)
{
    struct watching *w = watch->arg;

    CHECK(vcpu_upcalls_masked());
    w->fired++;
    snprintf(w->last, sizeof(w->last), "%s", path);
}
