# libc-glue's files on the host: real sources, with fakes of what lies below in glue_test.c.
#
#   xenolith_glue_test(NAME SOURCE...)      host.NAME from test_NAME.c and sources of libc-glue
function(xenolith_glue_test name)
    list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/libc-glue/ OUTPUT_VARIABLE sources)
    list(TRANSFORM sources APPEND .c)
    add_executable(test_${name} test_${name}.c glue_test.c ${sources})
    target_compile_options(test_${name} PRIVATE -std=gnu11 -g -O1 -Wall -Wextra -D_GNU_SOURCE=
        -D__XEN_INTERFACE_VERSION__=0x00040d00
        -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_include_directories(test_${name} PRIVATE ${CMAKE_SOURCE_DIR}/libc-glue
        ${CMAKE_SOURCE_DIR}/drivers/include ${CMAKE_SOURCE_DIR}/runtime/include
        ${CMAKE_SOURCE_DIR}/platform-xen/include)
    target_link_options(test_${name} PRIVATE -fsanitize=address,undefined)
    add_test(NAME host.${name} COMMAND test_${name})
    set_tests_properties(host.${name} PROPERTIES LABELS host TIMEOUT 300)
endfunction()

set(_glue_fd files/fd files/file devices/file_console files/poll_source devices/terminal)
set(_glue_vfs files/vfs files/vfs_walk files/vfs_mount files/file_vfs files/file_lock files/ramfs
    files/ramfs_data files/ramfs_dir devices/device)

xenolith_glue_test(chacha devices/chacha devices/random)
xenolith_glue_test(cpio files/cpio files/initrd files/file files/poll_source ${_glue_vfs})
xenolith_glue_test(disk devices/disk devices/file_block devices/partition files/file
    files/poll_source ${_glue_vfs})
target_compile_definitions(test_disk PRIVATE BLKDISCARD=0x1277 BLKPBSZGET=0x127b) # not in glibc's headers
xenolith_glue_test(epoll files/epoll files/eventfd ${_glue_fd})
xenolith_glue_test(fd ${_glue_fd})
xenolith_glue_test(pipe files/pipe files/fifo files/eventfd files/poll_many ${_glue_fd}
    ${_glue_vfs})
xenolith_glue_test(signal signals/signal signals/signal_default signals/interval_timer
    threads/posix_thread)
xenolith_glue_test(resolv sockets/resolv_message sockets/resolv_name process/result)
xenolith_glue_test(resolv_ask sockets/resolv_ask sockets/resolv_message sockets/resolv_name process/result)
foreach(name bind clock_gettime close connect poll recv send socket) # the test's own
    target_compile_definitions(test_resolv_ask PRIVATE ${name}=played_${name})
endforeach()
xenolith_glue_test(resolv_file sockets/resolv_file files/file files/poll_source ${_glue_vfs})
xenolith_glue_test(ramfs files/file files/poll_source ${_glue_vfs})
xenolith_glue_test(terminal ${_glue_fd})
xenolith_glue_test(unix sockets/unix sockets/unix_name sockets/unix_transfer sockets/rights
    sockets/file_socket sockets/socket_option files/eventfd ${_glue_fd} ${_glue_vfs})
xenolith_glue_test(vfs files/file files/poll_source ${_glue_vfs})

include(ext.cmake)
