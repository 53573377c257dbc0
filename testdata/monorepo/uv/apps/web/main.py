import greet

print("web says", greet.greeting)
