# What this lab's images were made of. Keep it beside the lab, so that others
# get the same; `testbed images update` renews it.

version = 1

userland "trixie" {

  package "busybox" {
    version = "1:1.37.0-6+b9"
    size    = 484988
    sha256  = "b88c3b899e16bf64347d63235128df9efbcf1f964e4841bc9b37d7856bed35bf"
    path    = "pool/main/b/busybox/busybox_1.37.0-6+b9_amd64.deb"
  }
  package "conntrack" {
    version = "1:1.4.8-2"
    size    = 35636
    sha256  = "bfbb6d02ba2ba162da1a9caa0f0c280034b8f189799542bd39ca5b1bcaf768e0"
    path    = "pool/main/c/conntrack-tools/conntrack_1.4.8-2_amd64.deb"
  }
  package "ethtool" {
    version = "1:6.14.2-1"
    size    = 227036
    sha256  = "5c592ac6e65c3863c5ba9c9b8380f913a35f39803aa89ccc59c11c5c953a46ef"
    path    = "pool/main/e/ethtool/ethtool_6.14.2-1_amd64.deb"
  }
  package "iproute2" {
    version = "6.15.0-1"
    size    = 1089184
    sha256  = "7b2dcade4a83ded723fcab21c5a53c47f29352c9c5e1661a089a1e481b3fb48a"
    path    = "pool/main/i/iproute2/iproute2_6.15.0-1_amd64.deb"
  }
  package "iputils-ping" {
    version = "3:20240905-3"
    size    = 51248
    sha256  = "a78f6118527796bde8c34d410dda1e5457f4e4e2de080a0b852cd59d7058ef6f"
    path    = "pool/main/i/iputils/iputils-ping_20240905-3_amd64.deb"
  }
  package "netperf" {
    version = "2.7.0+git20210121.3bc455b+ds-3"
    size    = 542340
    sha256  = "8c5f6938479c4d43c538c2ebe2c86c615c9029d348fd2b3bc17b3698637ebfe3"
    path    = "pool/main/n/netperf/netperf_2.7.0+git20210121.3bc455b+ds-3_amd64.deb"
  }
  package "nftables" {
    version = "1.1.3-1"
    size    = 75864
    sha256  = "2ddfa61baaf3a76e2c499db9e521ba6affb226f85af0b6fef739f346ac5f0c39"
    path    = "pool/main/n/nftables/nftables_1.1.3-1_amd64.deb"
  }
  package "sockperf" {
    version = "3.7-1"
    size    = 655412
    sha256  = "2a72021d3c605265405fe5ac8dc40dcb1adc98c92b0f62c22780a9480ea3d2f2"
    path    = "pool/main/s/sockperf/sockperf_3.7-1_amd64.deb"
  }
  package "tcpdump" {
    version = "4.99.5-2"
    size    = 471048
    sha256  = "c35a180eb0ee118976c4648473de0beb36788dc2ec6986ab880722f5a9868ba6"
    path    = "pool/main/t/tcpdump/tcpdump_4.99.5-2_amd64.deb"
  }
  package "libc6" {
    version = "2.41-12+deb13u5"
    size    = 2850108
    sha256  = "b59b0625cd1a791375d40dab23a4d5d3d0641e3d0a773501becdc3725b7f99cf"
    path    = "pool/main/g/glibc/libc6_2.41-12+deb13u5_amd64.deb"
  }
  package "libmnl0" {
    version = "1.0.5-3"
    size    = 11928
    sha256  = "4ec9c1096e0b954e3bdb03a62314ee7f49999045d3d55be3e4ded520ffc9baf5"
    path    = "pool/main/libm/libmnl/libmnl0_1.0.5-3_amd64.deb"
  }
  package "libnetfilter-conntrack3" {
    version = "1.1.0-1"
    size    = 42064
    sha256  = "ffbac5d06fbe432d5171f2eb5b2504968377f27be133f72c81e71250a9957506"
    path    = "pool/main/libn/libnetfilter-conntrack/libnetfilter-conntrack3_1.1.0-1_amd64.deb"
  }
  package "libbpf1" {
    version = "1:1.5.0-3"
    size    = 168832
    sha256  = "04c96ead3024888d80d08c8d08cc8cf4589f4614627acc69519f87ffb5adc1c2"
    path    = "pool/main/libb/libbpf/libbpf1_1.5.0-3_amd64.deb"
  }
  package "libcap2" {
    version = "1:2.75-10+deb13u1+b3"
    size    = 28988
    sha256  = "89fc4d34fc7a28ad6f0fcd0c561ab253b9dedf6f77f5a000b47c276c8295bf67"
    path    = "pool/main/libc/libcap2/libcap2_2.75-10+deb13u1+b3_amd64.deb"
  }
  package "libdb5.3t64" {
    version = "5.3.28+dfsg2-9"
    size    = 703676
    sha256  = "18d02510ee78b67e4504ba050176797a200ff24214a7cd318082ab60ad7bf3fc"
    path    = "pool/main/d/db5.3/libdb5.3t64_5.3.28+dfsg2-9_amd64.deb"
  }
  package "libelf1t64" {
    version = "0.192-4"
    size    = 189408
    sha256  = "94497b7e17b6f574a0605b380d454e20d3f01a9c63b70c2a2263f679d30053e1"
    path    = "pool/main/e/elfutils/libelf1t64_0.192-4_amd64.deb"
  }
  package "libselinux1" {
    version = "3.8.1-1"
    size    = 84680
    sha256  = "68bb8d32bd8d6d7d2f5952a169db03d1484b46ae1e52abccdec42a19dccea5d5"
    path    = "pool/main/libs/libselinux/libselinux1_3.8.1-1_amd64.deb"
  }
  package "libtirpc3t64" {
    version = "1.3.6+ds-1"
    size    = 83300
    sha256  = "ef4536c09bf5063554310e22d586ae90990100ba66d2fe7c35660e9e658913b6"
    path    = "pool/main/libt/libtirpc/libtirpc3t64_1.3.6+ds-1_amd64.deb"
  }
  package "libxtables12" {
    version = "1.8.11-2"
    size    = 31896
    sha256  = "4de5aa59faef5e98d6ba9f5f521a915be5641f224f597862f8d29e8319e8db16"
    path    = "pool/main/i/iptables/libxtables12_1.8.11-2_amd64.deb"
  }
  package "libidn2-0" {
    version = "2.3.8-2"
    size    = 109096
    sha256  = "90b039bcdc4578f8e1c4935adf8dbb525e36a164deefdbbb8c45bac347d48278"
    path    = "pool/main/libi/libidn2/libidn2-0_2.3.8-2_amd64.deb"
  }
  package "libnftables1" {
    version = "1.1.3-1"
    size    = 332448
    sha256  = "c7cbee3dce8452ae5c3c4269f6f52e96b896d36a46ea3c490e0e11e8ff359896"
    path    = "pool/main/n/nftables/libnftables1_1.1.3-1_amd64.deb"
  }
  package "libedit2" {
    version = "3.1-20250104-1"
    size    = 93832
    sha256  = "b002ea172b9c1e34a67bc497c523c67bb74c3f0a4e98113cb083990a1f1d3bfe"
    path    = "pool/main/libe/libedit/libedit2_3.1-20250104-1_amd64.deb"
  }
  package "libgcc-s1" {
    version = "14.2.0-19"
    size    = 72772
    sha256  = "3c71917b490d1a17aed43196a2787a256ecf060526cdb20216a74bedc061b150"
    path    = "pool/main/g/gcc-14/libgcc-s1_14.2.0-19_amd64.deb"
  }
  package "libstdc++6" {
    version = "14.2.0-19"
    size    = 713628
    sha256  = "ab1fa05837aa7a92aae748fd07a18a35f7d18bb4a71c4724fe2bbf0e32089de0"
    path    = "pool/main/g/gcc-14/libstdc++6_14.2.0-19_amd64.deb"
  }
  package "libpcap0.8t64" {
    version = "1.10.5-2"
    size    = 168608
    sha256  = "6a756d536a5b0cd3ef92f19ff9f22ed80c66baadbc0fe55d599f4aa0c27d3f86"
    path    = "pool/main/libp/libpcap/libpcap0.8t64_1.10.5-2_amd64.deb"
  }
  package "libssl3t64" {
    version = "3.5.9-1~deb13u1"
    size    = 2464736
    sha256  = "ffefb9af363e0e4592251b2533eb06453c8e470f7772e40263c4b2129251a6d5"
    path    = "pool/main/o/openssl/libssl3t64_3.5.9-1~deb13u1_amd64.deb"
  }
  package "libnfnetlink0" {
    version = "1.0.2-3"
    size    = 14416
    sha256  = "5e4c3c40a04ffdb4139e4bef1136585e151a8eb8c71efa6c7250b636b3c0d1b1"
    path    = "pool/main/libn/libnfnetlink/libnfnetlink0_1.0.2-3_amd64.deb"
  }
  package "zlib1g" {
    version = "1:1.3.dfsg+really1.3.1-1+deb13u1"
    size    = 88720
    sha256  = "8c27c342230503b73dfde629642c3b352e87b554e06d60cf58772f236a305ceb"
    path    = "pool/main/z/zlib/zlib1g_1.3.dfsg+really1.3.1-1+deb13u1_amd64.deb"
  }
  package "libzstd1" {
    version = "1.5.7+dfsg-1"
    size    = 303836
    sha256  = "2f6a2aeacfc925eba8b00ac9139bc4bfccf8cacb09eb93de067074b26948eef9"
    path    = "pool/main/libz/libzstd/libzstd1_1.5.7+dfsg-1_amd64.deb"
  }
  package "libpcre2-8-0" {
    version = "10.46-1~deb13u3"
    size    = 299148
    sha256  = "e226f661d918f04daf38cdbc4806b7ed7d6ef95c7eb0ade692fc350e31970040"
    path    = "pool/main/p/pcre2/libpcre2-8-0_10.46-1~deb13u3_amd64.deb"
  }
  package "libgssapi-krb5-2" {
    version = "1.21.3-5+deb13u1"
    size    = 138356
    sha256  = "30847c1fde4240567d7ed3aeab4f655dd591203758b857e85e824045aae70299"
    path    = "pool/main/k/krb5/libgssapi-krb5-2_1.21.3-5+deb13u1_amd64.deb"
  }
  package "libunistring5" {
    version = "1.3-2"
    size    = 476768
    sha256  = "6dd3490bef06ea1096f32d10766b7e016cf579bfae8451d1b7df15ce05b8aa46"
    path    = "pool/main/libu/libunistring/libunistring5_1.3-2_amd64.deb"
  }
  package "libgmp10" {
    version = "2:6.3.0+dfsg-3"
    size    = 560220
    sha256  = "d0d0265eb01770f17afd0f7c8c0622f80479dcfbbe13653a0debeec61464e622"
    path    = "pool/main/g/gmp/libgmp10_6.3.0+dfsg-3_amd64.deb"
  }
  package "libjansson4" {
    version = "2.14-2+b3"
    size    = 39792
    sha256  = "60707a62fe6c1228c3389b12a13ca4efd76defc5532473e547a29e99cf7d2a6e"
    path    = "pool/main/j/jansson/libjansson4_2.14-2+b3_amd64.deb"
  }
  package "libnftnl11" {
    version = "1.2.9-1"
    size    = 65012
    sha256  = "1b3eae46bfb9c6ab44e404797fb45278045f926d73974a84097ad47a3e27d983"
    path    = "pool/main/libn/libnftnl/libnftnl11_1.2.9-1_amd64.deb"
  }
  package "libbsd0" {
    version = "0.12.2-2"
    size    = 130968
    sha256  = "e5a85986fa6bec3307ab1bc860736b478b331882bc45e17675a7bdf88eecb43a"
    path    = "pool/main/libb/libbsd/libbsd0_0.12.2-2_amd64.deb"
  }
  package "libtinfo6" {
    version = "6.5+20250216-2"
    size    = 348380
    sha256  = "8b9f6a7983e9418564e48a627518de4c03917b56efe68d7f3e93bd8fffa1cc10"
    path    = "pool/main/n/ncurses/libtinfo6_6.5+20250216-2_amd64.deb"
  }
  package "libdbus-1-3" {
    version = "1.16.2-2"
    size    = 177904
    sha256  = "bbcb711daff7e104b5f80f9b05475b6142674bfe65518a36a56e96a91068a3f5"
    path    = "pool/main/d/dbus/libdbus-1-3_1.16.2-2_amd64.deb"
  }
  package "libkrb5-3" {
    version = "1.21.3-5+deb13u1"
    size    = 326056
    sha256  = "47d71d6a7f2e59b9bae5f89602397594805113b95889ad18fa703cd53abafc97"
    path    = "pool/main/k/krb5/libkrb5-3_1.21.3-5+deb13u1_amd64.deb"
  }
  package "libcom-err2" {
    version = "1.47.2-3+b12"
    size    = 25036
    sha256  = "bd43e020b8fed399db3eebf098111f10fba4c436fff99ccad72cc7e27c9764ec"
    path    = "pool/main/e/e2fsprogs/libcom-err2_1.47.2-3+b12_amd64.deb"
  }
  package "libk5crypto3" {
    version = "1.21.3-5+deb13u1"
    size    = 81152
    sha256  = "7da07ee674b47f1f0be7cc89317c25310086a1f1761217d0f72e6ae2c5a69b84"
    path    = "pool/main/k/krb5/libk5crypto3_1.21.3-5+deb13u1_amd64.deb"
  }
  package "libkrb5support0" {
    version = "1.21.3-5+deb13u1"
    size    = 33124
    sha256  = "3a0acd8b37955c0e102c756b52c97df2a31f67b96453c35dab70df218d309117"
    path    = "pool/main/k/krb5/libkrb5support0_1.21.3-5+deb13u1_amd64.deb"
  }
  package "libmd0" {
    version = "1.1.0-2+b1"
    size    = 36272
    sha256  = "7244ec3839b61fac0c1884fe08aaa040f26e8f1f35f1f5d3482eacefd30d1b44"
    path    = "pool/main/libm/libmd/libmd0_1.1.0-2+b1_amd64.deb"
  }
  package "libsystemd0" {
    version = "257.13-1~deb13u1"
    size    = 454648
    sha256  = "ab0d4127b5e46e6f8c015a1db15a62ba9ae274cdefa150083adf90ada0600ea1"
    path    = "pool/main/s/systemd/libsystemd0_257.13-1~deb13u1_amd64.deb"
  }
  package "libkeyutils1" {
    version = "1.6.3-6"
    size    = 9456
    sha256  = "0b11ad17be0300b63ad4eeb4c6450fed24d34b7b740f23e5363dcb29ee6d5eba"
    path    = "pool/main/k/keyutils/libkeyutils1_1.6.3-6_amd64.deb"
  }
}

image "kernel" {
  release        = "trixie"
  userland       = "trixie"
  kernel_release = "6.12.117+deb13-cloud-amd64"
  kernel_sha256  = "ed8f0dbdbefe3994093937f5ee934818ae902b88cb0b6bc423811c10d55b87b0"
  root_sha256    = "6e622b3193192012f95c68ec947fa10b36153e05b1bf4f9f2fdb661ea75b8a45"
  builder        = "1-ab5a4890+a2d467d3dbfdfb82"

  package "linux-image-6.12.117+deb13-cloud-amd64" {
    version = "6.12.117-1"
    size    = 34671208
    sha256  = "e9893e5295d0549b8852611f12a4b8b5f6cc4b8128dcc2086b9847793b904ab7"
    path    = "pool/main/l/linux-signed-amd64/linux-image-6.12.117+deb13-cloud-amd64_6.12.117-1_amd64.deb"
  }
}
image "plain" {
  release        = "trixie"
  userland       = "trixie"
  kernel_release = "6.12.117+deb13-cloud-amd64"
  kernel_sha256  = "ed8f0dbdbefe3994093937f5ee934818ae902b88cb0b6bc423811c10d55b87b0"
  root_sha256    = "6e622b3193192012f95c68ec947fa10b36153e05b1bf4f9f2fdb661ea75b8a45"
  builder        = "1-ab5a4890+a2d467d3dbfdfb82"

  package "linux-image-6.12.117+deb13-cloud-amd64" {
    version = "6.12.117-1"
    size    = 34671208
    sha256  = "e9893e5295d0549b8852611f12a4b8b5f6cc4b8128dcc2086b9847793b904ab7"
    path    = "pool/main/l/linux-signed-amd64/linux-image-6.12.117+deb13-cloud-amd64_6.12.117-1_amd64.deb"
  }
}
