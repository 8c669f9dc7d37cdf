"""CloudFormation: stacks, change sets and the types of resources that moto lacks or does otherwise."""
