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

set(_glue_fd fd file file_console poll_source terminal)
set(_glue_vfs vfs vfs_walk vfs_mount file_vfs file_lock ramfs ramfs_data ramfs_dir device)

xenolith_glue_test(chacha chacha random)
xenolith_glue_test(cpio cpio initrd file poll_source ${_glue_vfs})
xenolith_glue_test(disk disk file_block partition file poll_source ${_glue_vfs})
target_compile_definitions(test_disk PRIVATE BLKDISCARD=0x1277 BLKPBSZGET=0x127b) # not in glibc's headers
xenolith_glue_test(epoll epoll eventfd ${_glue_fd})
xenolith_glue_test(fd ${_glue_fd})
xenolith_glue_test(pipe pipe fifo eventfd poll_many ${_glue_fd} ${_glue_vfs})
xenolith_glue_test(signal signal signal_default interval_timer posix_thread)
xenolith_glue_test(resolv resolv_message resolv_name result)
xenolith_glue_test(ramfs file poll_source ${_glue_vfs})
xenolith_glue_test(terminal ${_glue_fd})
xenolith_glue_test(unix unix unix_name unix_transfer rights file_socket socket_option eventfd
    ${_glue_fd} ${_glue_vfs})
xenolith_glue_test(vfs file poll_source ${_glue_vfs})

include(ext.cmake)
