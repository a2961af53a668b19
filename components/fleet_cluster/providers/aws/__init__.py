"""The provider AWS: machines as EC2 instances, with ECR and an application load balancer."""
