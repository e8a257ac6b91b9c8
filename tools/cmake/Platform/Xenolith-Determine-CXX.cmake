# There is no C++ for guests yet, and the host's compiler is not one for guests: say so.
#
# project(NAME) without languages asks for C++ too, in C projects as well. XENOLITH_NO_CXX lets those
# pass unchanged: a C++ source, should there be one after all, fails where it is compiled.
if(NOT XENOLITH_NO_CXX)
    message(FATAL_ERROR
        "Xenolith has no C++ yet: guests are written in C. A project of C sources that does not name "
        "its language asks for C++ too; write project(NAME C), or leave it as it is and configure "
        "with -DXENOLITH_NO_CXX=ON.")
endif()
string(REGEX REPLACE "gcc$" "g++" CMAKE_CXX_COMPILER "${CMAKE_C_COMPILER}")
set(CMAKE_CXX_COMPILER_ID_RUN 1)
set(CMAKE_CXX_COMPILER_ID GNU)
set(CMAKE_CXX_COMPILER_FORCED 1)
set(CMAKE_CXX_ABI_COMPILED 1)
