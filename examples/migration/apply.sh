kubectl apply -R -f secrets
