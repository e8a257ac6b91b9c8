# POSIX threads on the host: libc-glue's sources on the runtime's threads, under names of their own.
#
#   xenolith_pthread_test(NAME SOURCE...)      host.NAME from test_NAME.c and sources of libc-glue
function(xenolith_pthread_test name)
    list(TRANSFORM ARGN REPLACE "^(.+)$" "libc-glue/\\1.c" OUTPUT_VARIABLE sources)
    xenolith_host_test(${name} runtime/log.c runtime/pages.c runtime/switch.S runtime/sync.c
        runtime/thread.c runtime/timer.c runtime/tls.c runtime/vmem.c tests/host/guest_threads.c
        tests/host/guest_pthreads.c ${sources})
    target_include_directories(test_${name} BEFORE PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/guest_sysroot
        ${CMAKE_SOURCE_DIR}/libc-glue)
    target_compile_options(test_${name} PRIVATE
        "$<$<COMPILE_LANGUAGE:C>:SHELL:--param asan-stack=0 -U_GNU_SOURCE -D_GNU_SOURCE=>")
    target_link_options(test_${name} PRIVATE
        -Wl,--defsym=tls_block_size=64 -Wl,--defsym=tls_image_end=tls_image_start+8)
endfunction()

set(_pthread_life threads/cancel_state process/clock_time threads/posix_thread threads/pthread
    threads/pthread_attr threads/pthread_cleanup threads/pthread_key threads/pthread_self
    process/result threads/wait_limit)
set(_pthread_sync threads/pthread_cond threads/pthread_mutex threads/pthread_once)

xenolith_pthread_test(pthread_life ${_pthread_life})
xenolith_pthread_test(pthread_sync ${_pthread_life} ${_pthread_sync} threads/pthread_barrier
    threads/pthread_rwlock threads/semaphore)
xenolith_pthread_test(pthread_cancel ${_pthread_life} ${_pthread_sync} threads/cancel threads/resume
    threads/semaphore)
