"""Operations on machines and on etcd's data: drain, reboot, rebalance, restore."""
