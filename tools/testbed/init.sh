#!/usr/bin/busybox sh
# dom0's first process: brings up a Xen host as a distribution would, without a distribution.
# Placeholders in @...@ are filled in when the initramfs is made.
/usr/bin/busybox mkdir -p /proc /sys /dev /run /tmp
/usr/bin/busybox --install -s /usr/busybox
export PATH=@XEN_BIN@:/usr/bin:/usr/busybox HOME=/root TERM=linux

mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /dev/pts /dev/shm /run/xen /run/xenstored /run/lock /var/lib/xenstored /var/lib/xen \
    /var/log/xen/console /root
mount -t devpts devpts /dev/pts
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr
hostname xenhost

for module in @MODULES@; do
    insmod "$module" 2>/dev/null || echo "testbed: no module $module"
done
mount -t xenfs xenfs /proc/xen

xenstored --pid-file /run/xenstored.pid
xen-init-dom0
xenconsoled --log=guest --log-dir=/var/log/xen/console --pid-file=/run/xenconsoled.pid

# The guests' network, behind one bridge, and QEMU's; see network.py. QEMU asks on its side for guests
# (proxy ARP), without the delay that is usual for such answers.
ip link set lo up
brctl addbr @BRIDGE@
ip addr add @GATEWAY@/16 dev @BRIDGE@
ip addr add @PREFIX6@1/64 dev @BRIDGE@
ip link set @BRIDGE@ up
ip addr add 10.0.2.15/24 dev eth0
echo 1 >/proc/sys/net/ipv4/conf/eth0/proxy_arp
echo 0 >/proc/sys/net/ipv4/neigh/eth0/proxy_delay
ip link set eth0 up
ip route add default via 10.0.2.2
echo 1 >/proc/sys/net/ipv4/ip_forward
xenolith-dhcp @BRIDGE@ @GATEWAY@ @NAME_SERVER_FILE@ &
xenolith-ra @BRIDGE@ @PREFIX6@ &

# A host without a working xl is no host: end here, so that whoever waits is told.
if ! xl list >/dev/null; then
    echo "testbed: xl does not work"
    poweroff -f
fi
echo "testbed: ready"
# The agent serves the ports until the machine is switched off.
while :; do
    xenolith-agent
    echo "testbed: the agent ended with status $?"
    sleep 1
done
