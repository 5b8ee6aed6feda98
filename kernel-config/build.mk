# SPDX-License-Identifier: Apache-2.0
# The tuned guest kernel: built once per content key, kept outside the tree.
#   KERNEL_FRAGMENTS="debug hardening lsm"   optional fragments on top

.PHONY: kernel kernel-config
kernel: ## build the tuned guest kernel (12-20 minutes, cached); it becomes the default
	@kernel-config/build.sh $(KERNEL_FRAGMENTS)

kernel-config: ## only configure the tuned kernel and check that no option was dropped
	@kernel-config/build.sh --config $(O)/kernel-config $(KERNEL_FRAGMENTS)
