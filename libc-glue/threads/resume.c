#include "resume.h"

#include <stddef.h>

#include <runtime/thread.h>

static void resume_hook(struct trap_frame *frame)
{
    if (cancel_on_resume != NULL)
        cancel_on_resume(frame);
    if (signal_on_resume != NULL)
        signal_on_resume(frame);
}

void resume_watch(void)
{
    thread_set_resume_hook(resume_hook);
}
