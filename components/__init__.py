"""What Pulumi provisions: components that this program and other stacks are made of."""
