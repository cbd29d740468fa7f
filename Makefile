# SPDX-License-Identifier: GPL-2.0
# chan: make help says what there is to make.

KDIR	?= /lib/modules/$(shell uname -r)/build
prefix	?= /usr/local
T	?=
export prefix DESTDIR

# Where the sources of the module are for DKMS, with its version.
srcdir	?= $(prefix)/src
version	:= $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
source	:= $(DESTDIR)$(srcdir)/chan-$(version)

.PHONY: all help module userspace install uninstall install-userspace uninstall-userspace \
	install-source deb demo check check-debug check-soak bench clean

all: module userspace

help:
	@echo 'make             build the module for the running kernel, libchan and chanctl'
	@echo 'make install     install them, with man pages and the udev rule (as root)'
	@echo 'make uninstall   remove what was installed'
	@echo 'make deb         make Debian packages, in build/deb'
	@echo 'make demo        show channels at work in a virtual machine'
	@echo 'make check       build and test everything; T="NAME..." only some of it'
	@echo 'make check-debug test on kernels that look for errors, which are built first, once'
	@echo 'make check-soak  test for MINUTES=n (60) on a kernel that looks for errors'
	@echo 'make bench       measure what channels cost, beside pipes and others: instructions,'
	@echo '                 or with TIMED=1 time; EXPECT=write writes what make check expects'
	@echo 'make clean       remove what was built'
	@echo
	@echo 'KDIR=FOLDER      headers of another kernel than the running one'
	@echo 'prefix=FOLDER    where to install (/usr/local); DESTDIR=FOLDER in front of it'
	@echo 'NATIVE=1         demo, check and bench on the running kernel, the module loaded'
	@echo
	@echo 'deb, demo, check and bench install the Debian packages that they need.'

module:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

userspace:
	$(MAKE) -C userspace/lib
	$(MAKE) -C userspace/chanctl

install: module install-userspace
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) modules_install
	[ -n "$(DESTDIR)" ] || { ldconfig; $(each-module) depmod $$release; done; }

install-userspace:
	$(MAKE) -C userspace/lib install
	$(MAKE) -C userspace/chanctl install

# What DKMS builds the module of, on each machine: debian/rules, which puts dkms.conf there.
install-source:
	install -d $(source)/kmod $(source)/uapi/linux
	install -m 0644 Kbuild $(source)
	install -m 0644 kmod/*.[ch] $(source)/kmod
	install -m 0644 uapi/linux/chan.h $(source)/uapi/linux

# Wherever modules_install has put it: extra, or on later kernels updates. Debian's headers have
# no System.map, without which modules_install doesn't call depmod.
each-module = for m in $(DESTDIR)/lib/modules/*/extra/chan.ko* \
		       $(DESTDIR)/lib/modules/*/updates/chan.ko*; do \
	[ -e "$$m" ] || continue; release=$$(basename $$(dirname $$(dirname $$m)));

uninstall: uninstall-userspace
	$(each-module) rm $$m; [ -n "$(DESTDIR)" ] || depmod $$release; done

uninstall-userspace:
	$(MAKE) -C userspace/lib uninstall
	$(MAKE) -C userspace/chanctl uninstall

deb:
	@selftests/setup deb
	@debian/build

demo:
	@selftests/setup demo
	@userspace/examples/demo

check:
	@selftests/setup check
	@selftests/check $(T)

check-debug:
	@selftests/setup check
	@selftests/check kselftest-kasan coverage kselftest-one-cpu kselftest-kcsan kselftest-rt

check-soak:
	@selftests/setup debug
	@selftests/soak $(or $(MINUTES),60)

bench:
	@selftests/setup bench
	@userspace/bench/run

clean:
	rm -rf build
	$(if $(wildcard $(KDIR)),$(MAKE) -C $(KDIR) M=$(CURDIR) clean)
